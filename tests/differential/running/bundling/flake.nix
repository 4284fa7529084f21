{
  outputs = { self }:
    let
      system = "x86_64-linux";
      make = name: text: derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [ "-c" "echo '${text}' > $out" ];
      };
    in
    {
      bundlers.${system} = {
        default = package: make "bundled" "all of ${package.name or "an app"}";
        same = package: package;
        functor.__functor = self: package: make "from-functor" package.name;
        number = package: 1;
        nameless = package: removeAttrs (make "x" "x") [ "name" ];
        broken = package: throw "not today";
        failing = package: derivation { name = "failing"; inherit system; builder = "/bin/sh"; args = [ "-c" "exit 2" ]; };
        none = { };
      };
      packages.${system}.default = make "package" "text";
      apps.${system}.main = { type = "app"; program = "${make "program" "x"}"; };
    };
}
