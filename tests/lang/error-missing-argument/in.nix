let
  build = { name, version }: name;
in
  build { name = "x"; }
