{
  outputs = _: let
    make = name: deps: script: derivation { inherit name deps; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; };
  in {
    checks.x86_64-linux = {
      bad = make "bad" [ ] "echo no; exit 3";
      same = make "bad" [ ] "echo no; exit 3";
    };
  };
}
