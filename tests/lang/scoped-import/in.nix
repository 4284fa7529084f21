builtins.scopedImport { x = 5; map = "shadowed"; } ./uses-x.nix
