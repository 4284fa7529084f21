let
  next = x: x + 1;
  first = second + (1 |> next);
  second = first + 1;
in
  first
