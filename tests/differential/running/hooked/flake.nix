{
  nixConfig.post-build-hook = ./hook.sh;
  outputs = { self }: {
    packages.x86_64-linux.default = derivation { name = "hooked"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; };
  };
}
