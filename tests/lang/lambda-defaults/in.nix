# Defaults may use the other arguments, in any order, and the whole set.
let
  f = { a ? b + 1, b ? c * 2, c }@all: [ a b c (all ? a) ];
  g = { x ? throw "unforced", y ? 1 }: y;
  h = { n ? m, m ? 5 }: k: n + m + k;
in
[ (f { c = 1; }) (f { c = 1; b = 10; }) (f { a = 0; c = 1; }) (g { }) (g { y = 2; }) (h { } 1) (h { n = 1; } 1) ]
