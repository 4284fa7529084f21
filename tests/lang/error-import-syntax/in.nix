let lib = import ./lib.nix; in lib.id 1
