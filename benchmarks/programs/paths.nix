# Paths asked for: most are not there, some many times.
{ n }:
let there = i: builtins.pathExists (/. + "/none/${toString (builtins.bitAnd i 65535)}"); in
builtins.foldl' (total: i: if there i then total + 1 else total) 0 (builtins.genList (i: i) n)
