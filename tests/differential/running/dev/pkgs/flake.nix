{
  outputs = { self }: {
    legacyPackages.x86_64-linux.bashInteractive = (import ./default.nix { }).bashInteractive;
  };
}
