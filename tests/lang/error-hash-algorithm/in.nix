builtins.hashString "md4" "text"
