# n times //: one attribute changed in a set of ten; then sets of n attributes joined in pairs.
{ n }:
let
  inherit (builtins) foldl' genList length attrNames seq;
  start = { a = 1; b = 2; c = 3; d = 4; e = 5; f = 6; g = 7; h = 8; i = 9; j = 10; };
  changed = foldl' (set: i: let next = set // { a = i; }; in seq next.a next) start (genList (i: i) n);
  join = from: count:
    if count == 1 then { ${"k${toString from}"} = from; } else let half = count / 2; in join from half // join (from + half) (count - half);
in
[ changed.a (length (attrNames (join 0 n))) ]
