{ services = [ { port = 80; } { port = 1 + "2"; } ]; }
