let s = { a.b.c = 1; "x y" = 2; f = x: { r = x; }; }; n = "b"; in
[ s.a.b.c s."x y" s.a.${n}.c s.a."${n}".c (s.f 3).r (s.a or 0).b.c (s.z or "default") (s.a.z.c or "deep") (s.a.b.c.d or "through an int") (s.f 4 // { z = 1; }).z ]
