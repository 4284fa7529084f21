# The builtins on sets: listToAttrs, mapAttrs, attrValues, intersectAttrs, removeAttrs, groupBy, zipAttrsWith, catAttrs.
{ n }:
let
  inherit (builtins) listToAttrs genList mapAttrs attrValues attrNames intersectAttrs removeAttrs groupBy zipAttrsWith catAttrs
    foldl' length concatLists;
  set = listToAttrs (genList (i: { name = "name${toString i}"; value = i; }) n);
  doubled = mapAttrs (name: value: value * 2) set;
  half = removeAttrs doubled (genList (i: "name${toString (i * 2)}") (n / 2));
  groups = groupBy (v: toString (v - (v / 100) * 100)) (attrValues half);
  zipped = zipAttrsWith (name: values: length values) [ set half doubled ];
  records = genList (i: { id = i; tags = [ i (i + 1) ]; }) n;
in
[
  (foldl' (a: b: a + b) 0 (attrValues (intersectAttrs half set)))
  (length (attrNames groups))
  (foldl' (a: b: a + b) 0 (attrValues zipped))
  (length (concatLists (catAttrs "tags" records)))
]
