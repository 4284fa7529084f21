{ outputs = { self }: { foo = 1; bar.baz = 2; fun = x: x; packages.x86_64-linux.default = { q = 7; }; }; }
