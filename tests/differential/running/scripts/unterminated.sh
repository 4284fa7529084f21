#! /usr/bin/env nix-shell
#! nix-shell -i 'perl
