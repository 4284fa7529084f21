[
  (1 + 2 * 3 - 4 / 2)
  (-1 + 2)
  (1 < 2 == true)
  (!false && false || true -> false)
  ([ 1 ] ++ [ 2 ] == [ 1 2 ])
  ({ a = 1; } // { b = 2; } == { b = 2; a = 1; })
  (2 - 1 - 1)
  (8 / 2 / 2)
  (false -> throw "unforced" -> true)
  ({ a = 1; } // { a = 2; } // { a = 3; })
]
