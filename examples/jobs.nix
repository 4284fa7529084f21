# Jobs for jobs.py: derivations, one of which cannot be evaluated.   snowsnake instantiate examples/jobs.nix -A app
let packages = import ./packages.nix { system = "x86_64-linux"; }; in
{
  inherit (packages) app zlib;
  newer = packages.app.overrideAttrs (old: { name = "app-2.0"; });
  broken = packages.app.overrideAttrs (old: { buildInputs = old.buildInputs ++ [ packages.missing ]; });
}
