let
  f = { notFunctor = 1; };
in
  f 2
