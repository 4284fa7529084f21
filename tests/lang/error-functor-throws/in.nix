let
  service = { __functor = self: port: throw "no port ${toString port}"; };
in
  [ (service 80) ]
