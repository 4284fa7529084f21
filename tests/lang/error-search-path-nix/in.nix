import <nix/absent.nix>
