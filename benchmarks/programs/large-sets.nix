# Sets of many names, mapped and lessened again and again.
{ n }:
let
  names = builtins.genList (i: "n${toString i}") 20000;
  set = builtins.listToAttrs (map (name: { inherit name; value = 1; }) names);
  mapped = i: (builtins.mapAttrs (name: value: value + i) set).n5;
  lessened = i: builtins.length (builtins.attrNames (removeAttrs set [ (builtins.elemAt names i) "n7" ]));
in
builtins.foldl' (total: i: total + mapped i + lessened i) 0 (builtins.genList (i: i) n)
