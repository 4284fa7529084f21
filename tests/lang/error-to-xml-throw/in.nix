builtins.toXML [ 1 (throw "no XML") ]
