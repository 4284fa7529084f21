# Derivations of each kind, for `nix print-dev-env`: tests/unit/test_shells.py has the environment derivations that 2.34.8 makes of them.
with import ./dev/pkgs { };
let floating = derivation { name = "floating"; inherit system; builder = "/bin/bash"; args = [ "-c" ": > $out" ]; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputs = [ "out" ]; };
in { inherit tool structured fixed files plain nameless; inherit floating;
  deferred = derivation { name = "deferred"; inherit system floating; builder = "/bin/bash"; outputs = [ "out" "dev" ]; disallowedRequisites = [ ]; };
  floats = derivation { name = "floats"; inherit system; builder = "bash"; outputs = [ "out" ]; __structuredAttrs = true; outputChecks = { }; x = 1.5; y = [ 1.0e10 1.0e30 "ä\"\n" ]; };
}
