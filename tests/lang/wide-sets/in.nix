# Sets of many names: building, looking up, merging, in name order.
let
  n = 5000;
  s = builtins.listToAttrs (builtins.genList (i: { name = "k${toString i}"; value = i; }) n);
  t = builtins.mapAttrs (_: v: v * 2) s;
in
[ s.k0 s.k4999 t.k2500 (s ? k5000) (builtins.length (builtins.attrNames (s // t))) (builtins.elemAt (builtins.attrNames s) 1) ((s // { k7 = "x"; }).k7) ]
