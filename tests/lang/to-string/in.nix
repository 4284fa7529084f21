let s = { __toString = self: self.v; v = "as text"; }; in
[
  (toString 1) (toString 1.5) (toString true) (toString false) (toString null) (toString [ 1 [ 2 null "x" ] [ ] 3 ]) (toString s) (toString /a/b)
  (toString { outPath = "/out"; }) "${s}" ("a" + s) (toString [ ]) (toString (-0.0))
]
