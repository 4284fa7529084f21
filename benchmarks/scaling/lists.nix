# Lists of n elements: map, filter, concatMap, ++, partition, elem.
{ n }:
let
  inherit (builtins) genList filter concatMap partition length foldl' elem;
  numbers = genList (i: i) n;
  twice = concatMap (i: [ i (i + 1) ]) (map (i: i + 1) numbers) ++ numbers;
in
[ (length (filter (i: i > 10) twice)) (length (partition (i: i < n) twice).right) (elem (-1) twice) ]
