[ (builtins.typeOf <library>) (import <library>) (import <folder/inner.nix>) (builtins.tryEval <absent>).success ]
