# n lists joined in pairs, as a tree of ++.
{ n }:
let join = from: count: if count == 1 then [ from ] else let half = count / 2; in join from half ++ join (from + half) (count - half); in
builtins.length (join 0 n)
