./folder + "${builtins.toFile "name" "text"}"
