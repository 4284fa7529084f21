# A large set over a small one, of which one attribute is wanted.
{ n }:
let big = builtins.listToAttrs (builtins.genList (i: { name = "k${toString i}"; value = i; }) 1000) // { y = 1; }; in
builtins.foldl' (total: i: total + ({ x = i; } // big).y) 0 (builtins.genList (i: i) n)
