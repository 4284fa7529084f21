let
  config = { services = { web = 80; }; };
in
  config.services.web.port
