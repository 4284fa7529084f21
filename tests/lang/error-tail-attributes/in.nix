let
  settings = { port = base.port; };
  base = { port = defaults.port; };
  defaults = { port = throw "no default port"; };
in
  { inherit (settings) port; }
