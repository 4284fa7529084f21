let d = derivation { name = "x"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; }; in
[ d.type d.name d.outputName d.dev.outputName (builtins.attrNames d) (d == d.out) ]
