let f = x: if x > 0 then if x > 10 then "big" else "small" else if x == 0 then "zero" else "negative"; in map f [ 11 1 0 (-1) ]
