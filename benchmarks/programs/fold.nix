# Lists and strict folds over lazy elements.
{ n }:
let
  inherit (builtins) foldl' genList map filter;
  numbers = genList (i: i * 3 + 1) n;
  squares = map (x: x * x - (x / 7) * 7) numbers;
in
foldl' (sum: x: sum + x - (sum / 1000003) * 1000003) 0 (filter (x: x - (x / 2) * 2 == 0) squares)
