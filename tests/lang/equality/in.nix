let f = x: x; s = { inherit f; }; d = { type = "derivation"; outPath = "o"; other = throw "unforced"; }; in
[
  (1 == 1.0) ("a" == "a") (null == null) (null == false) ([ 1 [ 2 ] ] == [ 1 [ 2 ] ]) ({ a = 1; } == { a = 1; b = 2; })
  ([ 1 ] == [ 2 (throw "unforced") ])
  (f == f) (s == s) ({ inherit f; } == { inherit f; }) ([ f ] == [ f ])
  (d == { type = "derivation"; outPath = "o"; })
  (./a == ./a) (./a == "a") (true != false)
]
