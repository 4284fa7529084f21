let
  make = name: attributes: script: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  } // attributes);
in
{
  a = make "a" { } "echo a > $out";
  two = make "two" { outputs = [ "out" "dev" ]; } "echo 1 > $out; echo 2 > $dev";
  dev1 = make "dev1" { outputs = [ "dev" "out" ]; } "echo 1 > $out; echo 2 > $dev";
  f = make "f" { } "echo bad; exit 1";
  g = make "g" { } "exit 2";
  n = 5;
  sub = { recurseForDerivations = true; x = make "x" { } "echo x > $out"; };
  hash = make "hash" { outputHashAlgo = "sha256"; outputHash = builtins.hashString "sha256" "y"; } "echo x > $out";
  late = make "late" { } "sleep 100";
}
