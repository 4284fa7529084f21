rec {
  a = 1;
  b.c = 2;
  "x y" = 3;
  f = x: x;
  pattern = { n ? 1, ... }@all: all;
  bad = throw "no";
  package = derivation {
    name = "made";
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" "echo building; echo text > $out" ];
  };
  two = derivation {
    name = "two";
    system = "x86_64-linux";
    builder = "/bin/sh";
    outputs = [ "out" "dev" ];
    args = [ "-c" "echo 1 > $out; echo 2 > $dev" ];
  };
  failing = derivation {
    name = "failing";
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" "echo the reason; exit 1" ];
  };
}
