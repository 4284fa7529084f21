let
  name = x: x;
in
  "lib" + name
