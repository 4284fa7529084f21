# Data nested deeply, once for each hundred.
{ n }:
let nest = k: x: if k == 0 then x else nest (k - 1) (if builtins.bitAnd k 1 == 0 then [ x ] else { a = x; }); in
builtins.foldl' (total: i: total + builtins.deepSeq (nest 2000 i) 1) 0 (builtins.genList (i: i) (n / 100))
