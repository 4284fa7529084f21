{
  inputs.nixpkgs.url = "path:./pkgs";
  outputs = { self, nixpkgs }:
    let packages = import (nixpkgs + "/default.nix") { }; in
    {
      devShells.x86_64-linux = { default = packages.tool; named = packages.structured; };
      packages.x86_64-linux = { default = packages.fixed; inherit (packages) plain files text hello; };
      legacyPackages.x86_64-linux = packages;
    };
}
