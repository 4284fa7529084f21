# An overlay for packages.nix: a newer library, and a feature that is switched on.   snowsnake eval examples/packages.nix --arg overlays '[ ]' -A zlib.name
self: super: {
  zlib = super.zlib.overrideAttrs (old: { name = "zlib-1.3.1"; patches = [ "CVE-1" ]; });
  tls = super.tls.overrideAttrs (old: { buildInputs = old.buildInputs ++ [ self.zlib ]; });
}
