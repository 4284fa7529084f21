let
  add = a: b: a + b;
  compose = f: g: x: f (g x);
  twice = f: compose f f;
  unused = _: 1;
in
[ (add 1 2) (map (add 10) [ 1 2 ]) (twice (twice (x: x * 2)) 1) (unused (throw "unforced")) ((x: y: z: [ x y z ]) 1 2 3) ]
