let
  build = { name, version }: name;
in
  build "x"
