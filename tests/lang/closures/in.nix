# Functions that capture functions that capture: every level of upvalue.
let
  a = 1;
  make = b: let c = b + a; in d: let e = c + d; in f: { sum = a + b + c + d + e + f; next = make e; };
  one = make 2 3 4;
in
[ one.sum (one.next 1 1).sum ]
