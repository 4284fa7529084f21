# Sorting with a comparison in Nix, and with builtins.lessThan.
{ n }:
let
  inherit (builtins) sort genList elemAt length lessThan foldl';
  random = i: let x = i * 1103515245 + 12345; y = x - (x / 2147483648) * 2147483648; in y - (y / 65537) * 65537;
  numbers = genList random n;
  records = map (k: { key = k; name = "n${toString k}"; }) numbers;
  sorted = sort (a: b: a.key < b.key) records;
  plain = sort lessThan numbers;
in
[ (elemAt sorted 0).name (elemAt sorted (n / 2)).name (elemAt plain (n - 1)) (length sorted) ]
