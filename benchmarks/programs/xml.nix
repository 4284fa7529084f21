# toXML of many small sets.
{ n }:
builtins.stringLength (builtins.toXML (builtins.genList (i: { a = i; b = "x${toString i}"; }) n))
