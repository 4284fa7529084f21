let
  even = n: n == 0 || odd (n - 1);
  odd = n: n != 0 && even (n - 1);
  a.b = c;
  a.d = 2;
  c = a.d + 1;
  xs = [ 1 ] ++ builtins.map (x: x * 2) [ c ];
in
{ inherit a xs; even = map even [ 0 7 10 ]; }
