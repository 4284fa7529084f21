#!/usr/bin/env nix-shell
#!nix-shell -i "sh -e" ../project/shell.nix -A tool
echo "$VARIABLE $inShell $1"; false; echo not here
