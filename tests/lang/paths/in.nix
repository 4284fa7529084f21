# Paths are absolute and canonical; concatenation and interpolation keep them paths.
let here = ./.; name = "x"; in
[
  (baseNameOf ./a/../b)
  (builtins.typeOf ./a)
  (here + "/a" == ./a)
  (./a/${name}.nix == ./a/x.nix)
  (/. + "etc")
  /a/b
  (toString /a/./b)
  (dirOf /a/b/c)
]
