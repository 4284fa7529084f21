let
  package = { meta = { license = throw "unknown license"; }; };
in
  [ package.meta.license ]
