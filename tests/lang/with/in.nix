let a = "lexical"; in
with { a = "with"; b = "outer"; c = 1; };
with { b = "inner"; };
[ a b c (with { c = 2; }; c) (x: with x; y) ((x: with x; y + c) { y = 1; }) ]
