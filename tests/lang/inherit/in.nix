let a = 1; b = 2; s = { c = 3; d = 4; "e f" = 5; }; in
{ inherit a b; inherit (s) c d "e f"; inherit; inherit (throw "not forced without names"); }
