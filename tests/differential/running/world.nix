let flake = import ./own/flake.nix; outputs = flake.outputs { self = outputs; };
in outputs.packages.x86_64-linux // { app = outputs.apps.x86_64-linux.default; nothing = { }; number = 1; }
