# Lists that `++` lengthens by little share room with what they came from (machine/operations.pyx): nobody may see another's elements.
let
  inherit (builtins) bitAnd foldl' genList hashString tail toJSON;
  l0 = genList (i: i) 100;
  l1 = l0 ++ [ 1 ];
  l2 = l1 ++ [ 2 ];
  a = l2 ++ [ 3 ];
  b = l2 ++ [ 4 ];
  c = [ 5 ] ++ a;
  d = [ 6 ] ++ a;
  e = c ++ d;
  f = c ++ [ 7 ];
  g = c ++ [ 8 ];
  h = [ 9 ] ++ (tail (tail g)) ++ [ 1 ];
  grown = foldl' (list: i: if bitAnd i 1 == 0 then list ++ [ i ] else [ i ] ++ list) [ ] (genList (i: i) 3000);
  deep = k: if k == 0 then [ ] else [ k ] ++ deep (k - 1);
  back = k: if k == 0 then [ ] else back (k - 1) ++ [ k ];
in
{
  sizes = map builtins.length [ l0 l1 l2 a b c d e f g h grown ];
  all = map (list: hashString "md5" (toJSON list)) [ l0 l1 l2 a b c d e f g h grown ([ 3 ] ++ tail g) (deep 2000) (back 2000) ];
  same = [ (a == l2 ++ [ 3 ]) (a == b) (tail c == a) (tail d == a) (deep 300 == genList (i: 300 - i) 300) (back 300 == genList (i: i + 1) 300) ];
}
