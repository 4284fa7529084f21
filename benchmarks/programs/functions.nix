# n functions, none of which is called: the parser and the compiler work.  The benchmark repeats the line of `f0` with other numbers (tasks.py).
{ n }:
builtins.length (builtins.attrNames {
  f0 = { a, b ? 0, ... }@args: x: let y = a + x; inherit (args) c d; z = { inherit y; name = "f-${toString y}"; e.g = [ b c (y * 2) ]; }; in if y > b && c != null then with args; map (w: w * y) [ d b ] else z // { k = z.name or ""; h = !args ? q; };
})
