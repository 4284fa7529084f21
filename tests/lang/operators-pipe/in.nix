[ ([ 1 2 ] |> map (x: x * 2) |> builtins.foldl' (a: b: a + b) 0) ((x: x + 1) <| 1) (1 |> (x: x - 1) |> (x: x * 10)) ]
