let
  twice = f: x: f (f x);
in
  twice (x: x + 1) 2 3
