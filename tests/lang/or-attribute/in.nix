# `or` may name an attribute; behind a selection it gives the default.
let s = { or = 1; a.or = 2; }; in [ s.or s.a.or (s ? or) (s.b.or or 3) (rec { or = 4; x.or = 5; }).x.or (builtins.attrNames s) ]
