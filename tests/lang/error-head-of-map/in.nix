let
  numbers = map (n: n + "one") [ 1 2 ];
in
  { first = 2 * builtins.head numbers; }
