builtins.readDir ./in.nix
