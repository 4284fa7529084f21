let
  name = "x";
  version = [ 1 2 ];
in
  "${name}-${version}.tar.gz"
