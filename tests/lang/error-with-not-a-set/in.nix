let
  tools = [ 1 2 ];
in
  with tools; compile
