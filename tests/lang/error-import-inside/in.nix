1 + import ./broken.nix
