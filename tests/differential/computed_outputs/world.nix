# Derivations whose outputs have no paths before they are built: impure ones.
rec {
  make = name: script: attributes: derivation ({ inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ]; } // attributes);
  counting = "cd $FOLDER; read n < counter; n=$((n + 1)); echo $n > counter; ";
  impure = make "impure" "${counting} echo $n > $out; echo $out > $stuff" { __impure = true; impureEnvVars = [ "FOLDER" ]; outputs = [ "out" "stuff" ]; };
  onImpure = make "on-impure" "read n < ${impure}; echo $n again > $out; read place < ${impure.stuff}; test $place = ${impure}" { __impure = true; };
  twice = make "twice" "read a < ${impure}; read b < ${onImpure}; echo $a, $b > $out" { __impure = true; };
  pure = make "pure" "cat ${impure} > $out" { };
  floating = make "floating" "cat ${impure} > $out" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  fixed = make "fixed" "read n < ${impure}; read n < ${onImpure}; echo 1 > $out" {
    outputHash = "sha256-Q1WkaxnTSNwvV8BG+O9j1FOOu5NgAPPJ7pVKJ0YN2GU="; outputHashMode = "flat";
  };
  afterFixed = make "after-fixed" "read n < ${fixed}; echo $n > $out" { };
  fails = make "fails" "exit 3" { __impure = true; };
  onFails = make "on-fails" "read n < ${fails}" { __impure = true; };
  both = make "both" "echo > $out" { __impure = true; __contentAddressed = true; };
  read = builtins.readFile impure;
  unseen = make "unseen" "echo $FOLDER > $out" { };
}
