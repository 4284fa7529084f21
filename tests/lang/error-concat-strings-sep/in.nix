builtins.concatStringsSep ", " [ "a" { b = 1; } ]
