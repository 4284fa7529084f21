let
  base = x: { a = 1; };
in
  base // { b = 2; }
