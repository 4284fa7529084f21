# Interpolation, concatenation, taking apart and replacing.
{ n }:
let
  inherit (builtins) concatStringsSep genList stringLength substring replaceStrings foldl' hashString;
  line = i: "item-${toString i}: ${substring 0 5 "abcdefgh"}/${if i - (i / 2) * 2 == 0 then "even" else "odd"};";
  lines = genList line n;
  text = concatStringsSep "\n" lines;
  replaced = replaceStrings [ "item" "even" "\n" ] [ "thing" "EVEN" " | " ] text;
  prefixes = foldl' (sum: s: sum + stringLength (substring 5 10 s + "-" + replaceStrings [ "0" ] [ "zero" ] s)) 0 lines;
in
[ (stringLength text) (stringLength replaced) prefixes (hashString "sha256" replaced) ]
