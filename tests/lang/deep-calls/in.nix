# A million calls that are not tail calls, a million nested thunks, a million list elements.
let
  count = n: if n == 0 then 0 else 1 + count (n - 1);
  sum = builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 1000000);
  lazy = builtins.foldl' (a: b: a + b) 0 (map (x: 1) (builtins.genList (x: x) 1000000));
in
[ (count 1000000) sum lazy ]
