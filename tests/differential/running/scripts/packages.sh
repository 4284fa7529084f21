#! /usr/bin/env nix-shell
#! nix-shell -i bash -p hello 'other'
#!   nix-shell --argstr greeting "good day"
#! nix-other -p nothing
echo "$0 got $# words: $*"
hello; other
