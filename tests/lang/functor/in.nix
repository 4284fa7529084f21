let
  counter = { start = 5; __functor = self: x: self.start + x; };
  nested = { __functor = self: { __functor = _: x: x * 2; }; };
in
[ (counter 1) (map counter [ 1 2 ]) (nested 4) ((counter // { start = 100; }) 1) (builtins.isFunction counter) ]
