# A set of n attributes: made, mapped, looked up, filtered, and its names in order.
{ n }:
let
  inherit (builtins) listToAttrs genList mapAttrs attrNames attrValues removeAttrs intersectAttrs foldl' length;
  set = listToAttrs (genList (i: { name = "n${toString i}"; value = i; }) n);
  half = removeAttrs set (genList (i: "n${toString (2 * i)}") (n / 2));
in
[
  (foldl' (sum: i: sum + set.${"n${toString i}"}) 0 (genList (i: i) n))
  (length (attrNames half))
  (length (attrValues (intersectAttrs half (mapAttrs (k: v: v + 1) set))))
]
