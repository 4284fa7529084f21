let
  name = 5;
in
  {
    a = 1;
    ${name} = 2;
  }
