# Thunks and functions keep the scopes of where they were written, not of where they run.
let
  f = with { x = 1; }; y: with { y' = 10; }; x + y + y';
  g = with { x = 2; }; [ (f 1) (with { x = 3; }; f 1) x ];
  deep = with { a = 1; }; with { b = 2; }; { c = with { d = 3; }; z: a + b + d + z; };
in
g ++ [ (deep.c 4) ]
