let
  config = { port = config.base + 1; base = config.port - 1; };
in
  config.port
