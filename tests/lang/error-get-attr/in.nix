builtins.getAttr "version" { name = "x"; }
