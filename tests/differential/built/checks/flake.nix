{
  outputs = _: let
    make = name: deps: script: derivation { inherit name deps; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; };
  in {
    checks.x86_64-linux = { one = make "one" [ ] "echo 1 > $out"; two = make "two" [ (make "needed" [ ] "echo n > $out") ] "echo 2 > $out"; };
    checks.i686-linux.other = make "other" [ ] "exit 1";
    packages.x86_64-linux.default = make "not-built" [ ] "exit 1";
  };
}
