let
  length = 1;
in
  lenght + 1
