# Lazy structures: streams, knots, thunks that are made and never looked at.
{ n }:
let
  inherit (builtins) seq genList foldl' elemAt;
  from = k: { head = k; tail = from (k + 1); unused = from (k - 1); };
  zip = f: a: b: { head = f a.head b.head; tail = zip f a.tail b.tail; };
  walk = stream: k: total: if k == 0 then total else seq total (walk stream.tail (k - 1) (total + stream.head));
  knot = j: let
    table = genList (i: if i < 2 then i + j else let x = elemAt table (i - 1) + elemAt table (i - 2); in x - (x / 1000007) * 1000007) 200;
  in elemAt table 199;
  pairs = foldl' (acc: i: let lazy = { a = acc.a + i; b = throw "never"; c = lazy.a * 2; }; in seq lazy.a lazy) { a = 0; } (genList (i: i) n);
  sum = f: count: foldl' (total: i: total + f i) 0 (genList (i: i) count);
in
[ (sum (i: walk (zip (x: y: x * 2 + y) (from i) (from 5)) 200 0) (n / 200)) (sum knot (n / 200)) pairs.c ]
