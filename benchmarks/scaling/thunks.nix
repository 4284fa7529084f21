# n thunks, all alive, each forced once.
{ n }:
let list = builtins.genList (i: { value = i * 2; }) n; in
builtins.foldl' (sum: e: sum + e.value) 0 list
