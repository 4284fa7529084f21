# A package set as nixpkgs has it, small: callPackage fills in arguments by name, overrideAttrs and overlays change packages, and the
# derivations have the same store paths as in Nix.
#
#   snowsnake instantiate examples/packages.nix
#   snowsnake eval examples/packages.nix -A app.outPath --raw
#   snowsnake eval examples/packages.nix -A report --json
#   snowsnake instantiate examples/packages.nix -A app --json --argstr system aarch64-linux
{
  system ? "x86_64-linux",
  overlays ? [ (import ./overlay.nix) ],
}:

let
  inherit (builtins) attrValues filter foldl' functionArgs intersectAttrs isAttrs listToAttrs mapAttrs;
  fix = f: let x = f x; in x;

  mkDerivation = attributes:
    derivation ({ inherit system; builder = "/bin/sh"; args = [ "-c" "echo $name > $out" ]; } // removeAttrs attributes [ "meta" ])
    // {
      meta = attributes.meta or { };
      overrideAttrs = change: mkDerivation (attributes // change attributes);
    };

  base = self: {
    inherit mkDerivation;
    callPackage = f: extra: f (intersectAttrs (functionArgs f) self // extra);
    zlib = self.callPackage ({ mkDerivation }: mkDerivation { name = "zlib-1.3"; }) { };
    tls = self.callPackage
      ({ mkDerivation, zlib, withCompression ? false }: mkDerivation {
        name = "tls-3.2";
        buildInputs = if withCompression then [ zlib ] else [ ];
        meta.description = "Keeps secrets";
      })
      { };
    app = self.callPackage
      ({ mkDerivation, tls, zlib }: mkDerivation {
        name = "app-1.0";
        buildInputs = [ tls zlib ];
        configuration = builtins.toFile "app.conf" "port = 8080\n";
        meta.description = "Listens on ${toString 8080}";
      })
      { };
  };

  packages = fix (foldl' (layer: overlay: self: let super = layer self; in super // overlay self super) base overlays);
  isPackage = value: isAttrs value && value.type or null == "derivation";
in
{
  inherit (packages) app tls zlib;
  report = mapAttrs (_: package: { inherit (package) name; description = package.meta.description or null; })
    (removeAttrs packages [ "mkDerivation" "callPackage" ]);
}
