builtins.getEnv "${builtins.toFile "name" "text"}"
