# Derivations whose outputs get their paths from what they contain; test_build_contents.py builds them, and compares with what 2.34.8 made of them.
let
  make = attrs: derivation ({ system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; } // attrs);
  floating = attrs: make ({ __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } // attrs);
  script = text: [ "-c" text ];
in
rec {
  root = floating { name = "root"; args = script "mkdir $out; echo hello > $out/hi; echo $out > $out/self; chmod +x $out/hi"; };
  same = floating { name = "root"; more = "other derivation, same contents"; args = script "mkdir $out; echo hello > $out/hi; echo $out > $out/self; chmod +x $out/hi"; };
  dep = floating { name = "dep"; inherit root; args = script "mkdir $out; ln -s ${root} $out/root; echo $out/x > $out/me"; };
  cut = floating { name = "dep"; inherit same; args = script "mkdir $out; ln -s ${same} $out/root; echo $out/x > $out/me"; };
  many = floating {
    name = "many";
    outputs = [ "out" "bin" "doc" ];
    args = script "mkdir $out $bin; echo $doc $out > $bin/a; echo ${placeholder "bin"} > $bin/b; echo ${dep} > $out/o; echo text > $doc";
  };
  deferred = make { name = "deferred"; inherit dep; args = script "echo ${many.bin} ${dep} $out > $out"; };
  further = make { name = "further"; args = script "cat ${deferred} > $out; echo ${root.out} >> $out"; };
  flat = floating { name = "flat"; outputHashMode = "flat"; args = script "echo hi > $out"; };
  text = floating { name = "text"; outputHashMode = "text"; inherit root; args = script "echo ${root} > $out"; };
  sha1 = floating { name = "sha1"; outputHashAlgo = "sha1"; args = script "echo hi > $out; chmod +x $out"; };
  sha512 = floating { name = "sha512"; outputHashAlgo = "sha512"; args = script "mkdir $out; echo $out > $out/x"; };
  fixed = make {
    name = "fixed";
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";
    inherit root;
    args = script "read text < ${root}/hi; echo hi > $out";
  };
  structured = floating {
    name = "structured"; builder = "/bin/bash";
    __structuredAttrs = true;
    inherit root;
    list = [ "${root}/hi" ];
    args = script ''. $NIX_ATTRS_SH_FILE; echo ''${list[@]} > ''${outputs[out]}; echo ''${outputs[out]} >> ''${outputs[out]}'';
  };
  passed = floating { name = "passed"; passAsFile = [ "words" ]; words = "${root} and ${placeholder "out"}"; args = script "cat $wordsPath > $out"; };
  graph = floating { name = "graph"; exportReferencesGraph = [ "closure" dep ]; args = script "cat closure > $out"; };
}
