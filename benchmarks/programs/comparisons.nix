# Long lists compared: equal ones, ones that differ at the end, lists of lists.
{ n }:
let
  numbers = extra: builtins.genList (i: i + extra) n;
  a = numbers 0;
  b = numbers 0;
  pairs = map (i: [ i (i + 1) ]);
in
[ (a == b) (a < b) (a ++ [ 1 ] < b ++ [ 2 ]) (pairs a == pairs b) (pairs a < pairs b) ]
