import ./outer.nix { }
