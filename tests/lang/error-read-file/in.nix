builtins.readFile ./absent.txt
