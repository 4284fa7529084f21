# concatLists, concatMap, sort of what is sorted, elem, on long lists.
{ n }:
let
  inherit (builtins) genList concatLists concatMap sort lessThan elem length;
  numbers = genList (i: i) n;
in
[ (length (concatLists (map (i: [ i i ]) numbers))) (length (concatMap (i: [ i (i + 1) ]) numbers)) (length (sort lessThan numbers))
  (length (sort (a: b: a < b) numbers)) (elem (n + 1) numbers) (elem (-1) numbers) ]
