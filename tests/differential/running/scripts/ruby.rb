#! /usr/bin/env nix-shell
#! nix-shell -i "echo ruby" -E "with import ../dev/pkgs { }; plain"
