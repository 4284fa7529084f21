builtins.findFile [ { prefix = "a"; path = ./.; } ] "a/absent.nix"
