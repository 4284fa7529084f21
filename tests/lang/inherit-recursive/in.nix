let x = 1; in rec { inherit x; y = x; inherit ({ z = 3; }) z; w = let inherit (rec { v = z; z = 5; }) v; in v; }
