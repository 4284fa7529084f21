# A text of n lines: made, joined, taken apart, replaced.
{ n }:
let
  inherit (builtins) genList concatStringsSep stringLength replaceStrings split length substring foldl';
  text = concatStringsSep "\n" (genList (i: "line ${toString i} of the text") n);
in
[
  (stringLength (replaceStrings [ "line" "\n" ] [ "row" ";" ] text))
  (length (split "\n" text))
  (foldl' (sum: i: sum + stringLength (substring (i * 10) 10 text)) 0 (genList (i: i) n))
]
