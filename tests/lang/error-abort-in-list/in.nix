map (x: if x > 1 then abort "too large" else x) [ 1 2 ]
