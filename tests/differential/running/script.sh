#! /usr/bin/env nix
# a comment
#! nix shell
#! nix path:./own ``path:./own#twice^*``
#! nix --command sh
hello from "$@"
