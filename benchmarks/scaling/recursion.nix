# A recursion n deep, in slices that C++ Nix's stack allows: n / 1000 times 1000 deep.
{ n }:
let down = k: if k == 0 then 0 else 1 + down (k - 1); in
builtins.foldl' (sum: i: sum + down 1000) 0 (builtins.genList (i: i) (n / 1000))
