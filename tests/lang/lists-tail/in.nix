# A tail of a long list shares its elements; both see them evaluated, and neither can be told from a list of its own.
let
  inherit (builtins) tail head length genList elemAt foldl';
  numbers = genList (i: i * i) 12;
  shorter = tail (tail numbers);
  lazy = [ (throw "first") (throw "second") 3 4 5 6 7 8 9 10 (throw "last") ];
  down = list: if list == [ ] then [ ] else down (tail list) ++ [ (length list) ];
in {
  same = shorter == genList (i: (i + 2) * (i + 2)) 10;
  less = shorter < tail shorter;
  longer = shorter ++ tail shorter;
  last = elemAt shorter 9;
  out = (builtins.tryEval (head shorter == elemAt numbers 2)).value;
  lazy = elemAt (tail (tail lazy)) 3;
  text = builtins.toJSON [ (tail shorter) (toString shorter) ];
  sorted = builtins.sort (a: b: a > b) (tail shorter);
  sizes = down numbers;
  none = foldl' (list: i: tail list) numbers numbers;
}
