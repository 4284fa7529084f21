# Building, merging and selecting from attribute sets.
{ n }:
let
  inherit (builtins) foldl' genList attrNames length;
  base = { a = 1; b = 2; c = 3; d = { x = 1; y = 2; }; e = "text"; f = [ ]; g = null; h = true; };
  step = acc: i: acc // { a = acc.a + i; ${"k${toString (i - (i / 50) * 50)}"} = acc.b; d = acc.d // { x = i; }; };
  result = foldl' (acc: i: let next = step acc i; in builtins.seq next.a (builtins.seq next.d.x next)) base (genList (i: i) n);
in
[ result.a result.d (length (attrNames result)) ]
