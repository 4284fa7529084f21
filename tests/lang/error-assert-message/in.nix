let
  check = n: assert n > 0; n;
in
  map check [ 1 0 ]
