# Floats as text, joined texts, and a text with something between all its characters.
{ n }:
let
  texts = builtins.genList (i: toString (i * 1.1)) n;
  joined = builtins.concatStringsSep "," texts;
in
map builtins.stringLength [ joined (builtins.replaceStrings [ "" ] [ "-" ] joined) (builtins.concatStringsSep "" texts) ]
