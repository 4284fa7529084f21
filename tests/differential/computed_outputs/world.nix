# Derivations whose outputs have no paths before they are built: impure ones, and those that are outputs themselves.
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

  text = { __contentAddressed = true; outputHashMode = "text"; outputHashAlgo = "sha256"; };
  copied = path: "while read -r line; do echo \"$line\"; done < ${builtins.unsafeDiscardOutputDependency path}";
  hello = make "hello" "echo hello > $out; echo dev > $dev" { outputs = [ "out" "dev" ]; };
  # `echo` adds a newline, and parts of a derivation may not follow it, so that the text is written with `printf`.
  writes = drv: make "${drv.name}.drv" "read -r line < ${builtins.unsafeDiscardOutputDependency drv.drvPath}; printf %s \"$line\" > $out" text;
  producer = writes hello;
  hello2 = builtins.outputOf producer.outPath "out";
  dev2 = builtins.outputOf producer.outPath "dev";
  user = make "user" "read a < ${hello2}; read b < ${dev2}; echo $a $b > $out" { };
  floatingUser = make "floating-user" "read a < ${hello2}; echo $a floats > $out" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  afterUser = make "after-user" "read a < ${user}; echo $a, after > $out" { };
  # a derivation that is an output of a derivation that is an output
  writesWriter = writes producer;
  twiceMade = builtins.outputOf (builtins.outputOf writesWriter.outPath "out") "out";
  deepUser = make "deep-user" "read a < ${twiceMade}; echo deep $a > $out" { };
  # that fails, says nothing, or has another output
  failing = make "failing.drv" "exit 4" text;
  onFailing = make "on-failing" "cat ${builtins.outputOf failing.outPath "out"}" { };
  failingUser = make "failing-user" "read a < ${hello2}; exit 5" { };
  nonsense = make "nonsense.drv" "echo nonsense > $out" text;
  onNonsense = make "on-nonsense" "cat ${builtins.outputOf nonsense.outPath "out"}" { };
  onNone = make "on-none" "cat ${builtins.outputOf producer.outPath "none"}" { };
  readHello = builtins.readFile hello2;
  contexts = map builtins.getContext [ hello2 ];
  wrong = builtins.outputOf (builtins.substring 0 1 producer.outPath) "out";
  wrongDeep = builtins.outputOf (builtins.substring 0 1 hello2) "out";
  wrongDerivation = builtins.outputOf (builtins.substring 0 1 hello.outPath) "out";
  ofFixed = [ (builtins.outputOf fixedText.outPath "out") (builtins.outputOf hello.outPath "dev") ];
  toFile = builtins.toFile "x" hello2;
  complete = builtins.addDrvOutputDependencies hello2;
  notText = make "folder.drv" "echo > $out" { };
  executable = make "executable.drv" "echo > $out; /bin/chmod +x $out" text;
  fixedText = make "fixed-text" "echo 1 > $out" { outputHash = "sha256-Q1WkaxnTSNwvV8BG+O9j1FOOu5NgAPPJ7pVKJ0YN2GU="; outputHashMode = "text"; };
}
