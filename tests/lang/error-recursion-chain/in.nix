let
  first = second;
  second = 1 + builtins.head third;
  third = [ fourth ];
  fourth = { value = first; }.value;
in
  second
