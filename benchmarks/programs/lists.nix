# The builtins on lists: ++, concatMap, concatLists, filter, partition, elem, all, any, tail, groupBy, genericClosure.
{ n }:
let
  inherit (builtins) genList concatMap concatLists filter partition elem all any length foldl' genericClosure elemAt head tail;
  numbers = genList (i: i) n;
  twice = concatMap (i: [ i (i + 1) ]) numbers;
  parts = partition (i: i - (i / 3) * 3 == 0) twice;
  pairs = concatLists (map (i: [ i ] ++ [ (i * 2) ]) parts.wrong);
  found = filter (i: elem i [ 1 5 7 11 13 17 19 23 29 31 ]) pairs;
  sum = list: i: if i == 0 then 0 else head list + sum (tail list) (i - 1);
  windows = foldl' (total: i: total + sum (genList (j: i + j) 10) 10) 0 (genList (i: i) (n / 20));
  closure = genericClosure {
    startSet = [ { key = 0; } ];
    operator = { key }: if key >= n / 10 then [ ] else [ { key = key + 1; } { key = key + 2; } ];
  };
in
[ (length parts.right) (length pairs) (length found) windows (length closure) (all (i: i >= 0) twice) (any (i: i > n) twice) (elemAt pairs 7) ]
