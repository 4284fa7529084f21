let lib = import ./library.nix; in [ (lib.double 4) (import ./library.nix).name (import ./folder) (builtins.readFile ./text.txt) ]
