builtins.toJSON { hosts = [ { name = "a"; } { name = throw "no name"; } ]; }
