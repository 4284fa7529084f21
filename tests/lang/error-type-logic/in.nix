let
  config = { enable = true; level = 3; };
in
  config.enable && config.level
