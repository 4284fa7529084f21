# Curried functions, partial application, composition.
{ n }:
let
  compose = f: g: x: f (g x);
  add = a: b: c: a + b + c;
  step = compose (add 1 2) (compose (add 3 4) (add 5 6));
  loop = i: acc: if i == 0 then acc else loop (i - 1) (step acc);
  outer = j: total: if j == 0 then total else outer (j - 1) (total + loop 1000 0);
in
outer n 0
