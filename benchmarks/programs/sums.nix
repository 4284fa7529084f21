# Folds of `+` over texts: what was there before is in every sum, and what each text depends on, too.
{ n }:
let
  inherit (builtins) attrNames foldl' genList getContext length stringLength;
  package = i: derivation { name = "package-${toString i}"; builder = "/b"; system = "s"; };
  paths = foldl' (text: i: text + "${package i}/bin:") "" (genList (i: i) n);
  lines = foldl' (text: i: text + "line ${toString i} of a long text\n") "" (genList (i: i) (10 * n));
in
[ (length (attrNames (getContext paths))) (stringLength paths) (stringLength lines) ]
