# `or` binds to the selection, not to the application around it.
let f = x: x + 1; s = { v = 1; }; in [ (f s.v or 2) (f s.w or 2) ]
