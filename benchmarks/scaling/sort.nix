# Sorting n numbers and n strings that come in no order.
{ n }:
let
  inherit (builtins) sort genList elemAt lessThan;
  random = i: let x = i * 1103515245 + 12345; in x - (x / 2147483648) * 2147483648;
  numbers = genList random n;
in
[ (elemAt (sort (a: b: a < b) numbers) (n / 2)) (elemAt (sort lessThan (map (k: "key ${toString k}") numbers)) 0) ]
