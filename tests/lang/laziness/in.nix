let
  xs = [ (throw "element") 2 (throw "element") ];
  s = { good = 1; bad = throw "attribute"; };
  f = x: y: y;
  inf = { n ? 0 }: [ n (inf { n = n + 1; }) ];
in
[
  (builtins.elemAt xs 1) (builtins.length xs) s.good (f (throw "argument") 3) (s ? bad) (builtins.attrNames s) (builtins.head (inf { }))
  (let unused = throw "binding"; in 4) (if true then 5 else throw "branch") (builtins.length (xs ++ xs))
]
