{ a = 1; b = [ 1 (throw "inside the list") ]; }
