# A package set with what `nix-shell` and `nix develop` take from nixpkgs.
{ greeting ? "hello", inNixShell ? false, ... }:
let
  system = "x86_64-linux";
  bash = "/bin/bash";
  make = name: script: more: derivation ({
    inherit name system;
    builder = bash;
    args = [ "-c" "PATH=/usr/bin:/bin; ${script}; :" ];   # the shell itself ends last: programs close their output before
  } // more);
  program = name: text: "mkdir -p $out/bin; printf '#!/bin/sh\\n%s\\n' '${text}' > $out/bin/${name}; chmod +x $out/bin/${name}";
  setup = builtins.toFile "setup" ''
    export FROM_SETUP=set
    for package in $buildInputs; do PATH=''${PATH:-}:$package/bin; done
    declare -a list=(1 "2 3" $'x\ny')
    declare -A table=([a]=1 ["b c"]="d'e")
    lines=$'a\nb\t"c\\d"\r$x `y`'
    declare -i number=5
    declare -r constant=6
    declare -l lower=seven
    declare unset_text
    declare -x unset_exported
    umlaut=ä
    greet() { echo "greets ''${1:-nobody}"; }
    quotes() ( cat <<< "a 'b' \"c\""; )
    exported() { :; }; export -f exported
    runHook() { local hook=$1; if declare -F $hook > /dev/null; then $hook; else eval "''${!hook:-}"; fi; }
    unpackPhase() { echo "unpack in $PWD as $name"; }
    configurePhase() { echo configure; }
    buildPhase() { echo "build $foundMakefile"; }
    checkPhase() { echo check; }
    installPhase() { echo "install to $out"; }
    installCheckPhase() { echo "check what is installed"; return 3; }
  '';
in
rec {
  inherit system;
  pkgs = { inherit runCommand; };
  stdenv = make "stdenv" "mkdir $out; ln -s ${setup} $out/setup" { };
  hello = make "hello-1" (program "hello" "echo ${greeting} \"$@\"") { };
  other = make "other-1" (program "other" "echo other") { };
  broken = make "broken-1" "echo trouble; exit 3" { };
  bashInteractive = make "bash-interactive" "mkdir -p $out/bin; ln -s /bin/bash $out/bin/bash" { };
  runCommand = name: arguments: script: make name script ({ inherit stdenv; } // arguments);
  tool = make "tool-1" "exit 9" {
    inherit stdenv;
    outputs = [ "out" "dev" ];
    buildInputs = [ hello ];
    VARIABLE = "a value";
    inShell = if inNixShell then "yes" else "no";
    shellHook = "echo hook of $name";
    disallowedReferences = [ "out" ];
  };
  structured = make "structured-1" "exit 9" {
    inherit stdenv;
    __structuredAttrs = true;
    outputs = [ "out" "dev" ];
    words = [ "a" "b c" 1 true ];
    facts = { x = "y"; "z w" = null; deep.er = 1; };
    text = "it's";
    number = 1.5;
    shellHook = "echo hook; declare -p words text";
    outputChecks.out.disallowedReferences = [ "out" ];
  };
  fixed = make "fixed-1" "exit 9" {
    inherit stdenv;
    outputs = [ "out" ];
    outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    KIND = "fixed";
  };
  files = make "files-1" "exit 9" {
    inherit stdenv;
    outputs = [ "out" ];
    passAsFile = [ "first" "second" ];
    first = "contents of the first";
    second = "contents of the second";
  };
  plain = make "plain-1" "exit 9" { outputs = [ "out" ]; A = "b"; };
  nameless = make "nameless-1" "exit 9" { inherit stdenv; };
  shell-built = derivation { name = "by-sh"; inherit system; builder = "/bin/sh"; outputs = [ "out" ]; };
  failing = make "failing-1" "exit 9" { outputs = [ "out" ]; needs = broken; };
  two = { recurseForDerivations = true; a = tool; b = fixed; };
  text = "text";
}
