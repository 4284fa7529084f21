let
  config = { enable = throw "not decided"; };
  value = if config.enable then 1 else 2;
in
  value + 1
