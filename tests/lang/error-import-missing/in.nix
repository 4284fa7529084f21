import ./absent.nix
