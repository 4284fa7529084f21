# Attributes print in the order of their names, whatever order they were written in.
{ zebra = 1; apple = 2; _a = 3; Apple = 4; "0" = 5; "é" = 6; a-b = 7; a' = 8; }
