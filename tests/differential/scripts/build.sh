#!/bin/sh
# What build scripts do with nix-instantiate; its name is looked up in PATH.
set -u
say() { printf '== %s\n' "$*"; }
say version; nix-instantiate --version | sed 's/[0-9.]*$/N/'
say raw; name=$(nix-instantiate --eval --raw -E '"hel" + "lo"') && echo "name is $name"
say json; nix-instantiate --eval --strict --json ./pkgs.nix -A versions
say arguments; nix-instantiate --eval ./pkgs.nix -A greet --arg loud true --argstr who world
say search; nix-instantiate --find-file pkgs -I pkgs=./pkgs.nix | sed "s#$PWD#.#"
NIX_PATH=pkgs=./pkgs.nix nix-instantiate --eval --strict -E '(import <pkgs> { }).versions.a'
say pipe; echo '{ x = 1; }.x' | nix-instantiate --eval -
say several; nix-instantiate --eval -E 1 -E '"two"'
say parse; nix-instantiate --parse ./pkgs.nix
if nix-instantiate --parse -E '1 +' >/dev/null 2>errors; then echo parsed; else echo "exit $?"; cat errors; fi
say error; nix-instantiate --eval ./pkgs.nix -A missing 2>errors; echo "exit $?"; sed "s#$PWD#.#" errors
nix-instantiate --eval --strict ./pkgs.nix -A broken 2>errors; echo "exit $?"; sed "s#$PWD#.#" errors
say derivation; nix-instantiate --readonly-mode ./pkgs.nix -A drv 2>/dev/null
nix-instantiate --eval --raw ./pkgs.nix -A drv.outPath; echo
say trace; nix-instantiate --eval -E 'builtins.trace "seen" 1' 2>&1
say xargs; printf '%s\n' a b | xargs -I{} nix-instantiate --eval --raw ./pkgs.nix -A versions.{}; echo
say read-write; nix-instantiate --readonly-mode --eval --strict --option restrict-eval true -I . ./pkgs.nix -A versions.b
