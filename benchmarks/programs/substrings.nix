# Parts of a string of five megabytes.
{ n }:
let
  big = builtins.foldl' (s: i: s + s) "0123456789" (builtins.genList (i: i) 19);
  part = i: builtins.substring i (5000000 - 2 * i) big;
in
builtins.foldl' (total: s: total + builtins.stringLength s) 0 (builtins.genList part n)
