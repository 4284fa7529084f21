let
  fix = f: let x = f x; in x;
  extend = overlay: f: self: let super = f self; in super // overlay self super;
  base = self: { a = 1; b = self.a + 1; names = builtins.attrNames self; };
  overlay = self: super: { a = super.a + 10; c = self.b; };
in
fix (extend overlay base)
