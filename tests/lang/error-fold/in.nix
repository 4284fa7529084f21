builtins.foldl' (sum: x: sum + x) 0 [ 1 2 "three" ]
