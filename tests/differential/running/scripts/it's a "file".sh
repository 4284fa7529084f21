#! /usr/bin/env nix-shell
#! nix-shell -i cat --pure ../project -A plain
text of the script
