let xs = [ 1 2 ]; in xs ++ [ ] ++ xs ++ [ (3 * 1) ] ++ builtins.tail (xs ++ xs)
