let
  make = name: attributes: script: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
    PATH = "/bin:/usr/bin";
  } // attributes);
  fixed = text: { outputHashAlgo = "sha256"; outputHash = builtins.hashString "sha256" text; };
  tool = builtins.toFile "tool" "tool";
  structured = { builder = "/bin/bash"; __structuredAttrs = true; };
in
rec {
  good = make "good" { } "echo good > $out";
  same = make "same" { } "mkdir $out; echo good > $out/file; echo good > $out/run; chmod +x $out/run; ln -s file $out/link";
  users = make "users" { inherit good; } "mkdir $out; echo $good > $out/file";
  sources = make "sources" { inherit tool; } "cat $tool > $out";
  fails = make "fails" { } "exit 3";
  signal = make "signal" { } "kill -TERM $$";
  none = make "none" { } "true";
  group = make "group" { } "echo > $out; chmod g+w $out";
  fifo = make "fifo" { } "mkfifo $out";
  nobuilder = make "nobuilder" { builder = "/nonexistent/builder"; } "";
  badbuiltin = make "badbuiltin" { builder = "builtin:nothing"; } "";
  elsewhere = make "elsewhere" { system = "mips-plan9"; } "";
  feature = make "feature" { requiredSystemFeatures = [ "quantum" ]; } "";
  wronghash = make "wronghash" (fixed "y") "echo x > $out";
  wronghash2 = make "wronghash2" (fixed "z") "echo x > $out";
  fixedfails = make "fixedfails" (fixed "y") "exit 3";
  folder = make "folder" (fixed "y") "mkdir $out";
  executable = make "executable" (fixed "x") "printf x > $out; chmod +x $out";
  refers = make "refers" (fixed "y" // { inherit tool; }) "echo $tool > $out";
  refersright = make "refersright" (fixed "${tool}\n" // { inherit tool; }) "echo $tool > $out";
  gitwrong = make "gitwrong" { outputHashAlgo = "sha1"; outputHashMode = "git"; outputHash = "0000000000000000000000000000000000000000"; } "mkdir $out; echo x > $out/x";
  gitright = make "gitright" { outputHashAlgo = "sha1"; outputHashMode = "git"; outputHash = "ab69b4abf3bb84d4e268bd42d84e4a9a5e242bd3"; } "mkdir $out; echo x > $out/x";
  disallowed = make "disallowed" { allowedReferences = [ ]; inherit tool; } "echo $tool > $out";
  badcheck = make "badcheck" { allowedReferences = [ "nothing" ]; } "echo > $out";
  large = make "large" (structured // { outputChecks.out.maxSize = 10; }) ". $NIX_ATTRS_SH_FILE; echo 01234567890123456789 > \${outputs[out]}";
  graph = make "graph" { exportReferencesGraph = [ "one" ]; } "echo > $out";
  graphname = make "graphname" { exportReferencesGraph = [ "a/b" tool ]; } "echo > $out";
  graphdot = make "graphdot" { exportReferencesGraph = [ ".a" tool ]; } "echo > $out";
  graphlist = make "graphlist" (structured // { exportReferencesGraph = [ "a" tool ]; }) ". $NIX_ATTRS_SH_FILE; echo > \${outputs[out]}";
  graphnumber = make "graphnumber" (structured // { exportReferencesGraph.x = 1; }) "echo > $out";
  graphdeep = make "graphdeep" (structured // { exportReferencesGraph.x = [ tool [ [ tool ] ] ]; }) ". $NIX_ATTRS_SH_FILE; /bin/cp .attrs.json \${outputs[out]}; :";
  late = make "late" { } "exec sleep 100";
  loud = make "loud" { } "while echo 0123456789012345678901234567890123456789; do :; done";
  two = make "two" { outputs = [ "out" "dev" ]; } "echo 1 > $out; echo 2 > $dev";
  halfdone = make "halfdone" { outputs = [ "out" "dev" ]; } "echo 1 > $out";
  cycle = make "cycle" { outputs = [ "out" "dev" ]; } "echo $dev > $out; echo $out > $dev";
  onfails = make "onfails" { inherit fails; } "echo > $out";
  onboth = make "onboth" { inherit fails late; } "echo > $out";
  onwrong = make "onwrong" { inherit wronghash; } "echo > $out";
  onelsewhere = make "onelsewhere" { inherit elsewhere; } "echo > $out";
  deep = make "deep" { inherit onfails; } "echo > $out";
  random = make "random" { } "date +%s%N > $out";
  onrandom = make "onrandom" { inherit random; } "echo > $out";
  messages = make "messages" { } ''
    for message in "1" "{}" '{"action": null}' '{"action": 123}' "][" '{"action":"msg","level":0,"msg":"told"}' '{"action":"msg"}' ; do echo "@nix $message" >&2; done
    echo 'before@nix {}'; echo '@nix'; echo '@nixx'; touch=1; echo > $out'';
  phases = make "phases" { } ''
    echo one; echo '@nix {"action":"setPhase","phase":"buildPhase"}' >&2; echo two; echo > $out'';
  chroot = make "chroot" { __noChroot = true; } "echo > $out";
  # Options of the wrong kind, or that say something odd.
  odd = let with_ = name: attributes: make name (structured // attributes) ". $NIX_ATTRS_SH_FILE; echo ${good} \${outputs[out]} > \${outputs[out]}"; in {
    notPath = make "notPath" { allowedReferences = [ "${builtins.storeDir}/none" ]; } "echo > $out";
    plainList = make "plainList" { disallowedRequisites = "${good} out"; } "echo $out > $out";
    checksList = with_ "checksList" { outputChecks = [ ]; };
    checksNumber = with_ "checksNumber" { outputChecks.out = 3; };
    checksText = with_ "checksText" { outputChecks.out.allowedReferences = "x"; };
    checksNumbers = with_ "checksNumbers" { outputChecks.out.disallowedRequisites = [ 3 ]; };
    sizeText = with_ "sizeText" { outputChecks.out.maxSize = "x"; };
    sizeNegative = with_ "sizeNegative" { outputChecks.out.maxSize = -1; };
    sizeFraction = with_ "sizeFraction" { outputChecks.out.maxClosureSize = 1.5; };
    sizeNull = with_ "sizeNull" { outputChecks.out.maxClosureSize = null; };
    unknown = with_ "unknown" { outputChecks.out.unknown = 1; outputChecks.none.maxSize = 1; };
    discardsFlag = with_ "discardsFlag" { unsafeDiscardReferences = true; };
    discardsText = with_ "discardsText" { unsafeDiscardReferences.out = "yes"; };
    discards = with_ "discards" { unsafeDiscardReferences.out = true; };
    featuresText = with_ "featuresText" { requiredSystemFeatures = "kvm"; };
    flagText = with_ "flagText" { preferLocalBuild = "x"; };
    flagNull = with_ "flagNull" { allowSubstitutes = null; };
    profileNumber = with_ "profileNumber" { __sandboxProfile = 1; };
    noChrootText = with_ "noChrootText" { __noChroot = "1"; };
    hostDeps = with_ "hostDeps" { __impureHostDeps = { }; };
    variables = with_ "variables" { impureEnvVars = [ null ]; };
    withoutEffect = with_ "withoutEffect" { allowedReferences = [ ]; maxSize = 1; };
    graphElsewhere = with_ "graphElsewhere" { exportReferencesGraph.g = "/etc"; };
    graphAbsent = make "graphAbsent" { exportReferencesGraph = [ "g" "${builtins.storeDir}/00000000000000000000000000000000-x" ]; } "echo > $out";
    refersWrongly = make "refersWrongly" { outputHashMode = "recursive"; outputHash = builtins.hashString "sha256" "x"; outputHashAlgo = "sha256"; } "echo $out ${good} > $out";
    refersWronglyFlat = make "refersWronglyFlat" (fixed "x") "echo ${good} > $out";
    names = make "names" { "A=B" = "1"; "a b" = "2"; "" = "3"; A = "4"; } "/usr/bin/env | /bin/grep '^[Aa ]*=' > $out; /bin/cat $out";
  };
}
