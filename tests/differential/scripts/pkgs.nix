{ who ? "nobody", loud ? false }:
{
  versions = { a = "1.2"; b = "3"; };
  greet = "hello ${who}" + (if loud then "!" else "");
  broken = [ 1 (throw "broken on purpose") ];
  drv = derivation { name = "greeting"; system = "x86_64-linux"; builder = "/bin/sh"; text = "hello ${who}"; };
}
