builtins.fromTOML "a = 1\nb = [ 1, 2\n"
