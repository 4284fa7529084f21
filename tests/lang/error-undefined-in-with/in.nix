let
  tools = { compile = 1; link = 2; };
in
  with tools; [ compile lnik ]
