let s = { a.b = 1; n = null; "c d" = { }; }; k = "b"; in
[ (s ? a) (s ? a.b) (s ? a.c) (s ? a.b.c) (s ? n.x) (s ? "c d") (s ? a.${k}) (!s ? z) (1 ? a) (null ? a.b) ]
