{
  outputs = { self }:
    let
      system = "x86_64-linux";
      make = name: script: more: derivation ({
        inherit name system;
        builder = "/bin/sh";
        args = [ "-c" "PATH=/usr/bin:/bin; ${script}" ];
      } // removeAttrs more [ "meta" ]) // (if more ? meta then { inherit (more) meta; } else { });
      program = name: text: "mkdir -p $out/bin; printf '#!/bin/sh\\n%s\\n' '${text}' > $out/bin/${name}; chmod +x $out/bin/${name}";
      hello = make "hello-1.2" (program "hello" "echo hello \"$@\"") { };
    in
    {
      packages.${system} = {
        default = hello;
        main = make "other-1" (program "special" "echo main program") { meta.mainProgram = "special"; };
        named = make "other-1" (program "byname" "echo by pname") { pname = "byname"; };
        lost = make "lost-1" "mkdir $out" { };
        failing = make "failing" "echo trouble; exit 3" { };
        environment = make "environment" (program "environment" "env | grep ^V_ | sort; exit 4") { };
        twice = make "twice-1"
          "for each in $out $dev; do mkdir -p $each/bin; printf '#!/bin/sh\\necho %s\\n' $each > $each/bin/\${each##*-}; chmod +x $each/bin/*; done"
          { outputs = [ "out" "dev" ]; meta.outputsToInstall = [ "out" ]; };
        linked = make "linked" "ln -s ${hello} $out" { };
        away = make "away" "ln -s /tmp/none $out" { };
        also = make "also" "mkdir -p $out/bin $out/nix-support; echo ${hello} > $out/nix-support/propagated-user-env-packages" { };
        text = "no derivation";
      };
      apps.${system} = {
        default = { type = "app"; program = "${hello}/bin/hello"; };
        source = { type = "app"; program = "${./script}"; };
        package = hello;
        outside = { type = "app"; program = "/bin/true"; };
        number = { type = "app"; program = 1; };
        bare = { type = "app"; };
        odd = { type = "else"; };
        typeless = { };
        deep = { type = "app"; program = "${builtins.unsafeDiscardStringContext "${hello}"}/bin/hello"; };
      };
      legacyPackages.${system}.old = hello;
      formatter.${system} = make "formatter" (program "formatter" "echo formats \"$@\" in \"$PRJ_ROOT\"") { };
    };
}
