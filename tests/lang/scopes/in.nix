let
  x = "outer";
  f = x: let y = x; in { inherit x y; g = x: [ x y ]; };
  true = "shadowed";
  map = _: _: "not the builtin";
in
[ (f "argument").x ((f "argument").g "inner") (let x = "let"; in x) true (map 1 2) (builtins.map (x: x) [ x ]) (rec { x = "rec"; z = x; }).z ]
