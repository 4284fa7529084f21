# The derivations beside this file are what nix-instantiate 2.34 writes for these shapes, with the experimental features
# ca-derivations, impure-derivations and dynamic-derivations:  nix-instantiate --store /tmp/x shapes.nix; cp /tmp/x/nix/store/*.drv .
let
  d = args: derivation ({ name = "x"; builder = "/bin/sh"; system = "x86_64-linux"; } // args);
  count = n: builtins.genList (x: x) n;

  plain = d { name = "plain"; };
  fixed = d { name = "fixed.tar.gz"; outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; };
  fixedTree = d {
    name = "fixed-tree"; outputHashAlgo = "sha256"; outputHashMode = "recursive"; inherit plain;
    outputHash = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
  };
  fixedMd5 = d { name = "fixed-md5"; outputHash = "d41d8cd98f00b204e9800998ecf8427e"; outputHashAlgo = "md5"; };
  fixedSha1Tree = d { name = "fixed-sha1"; outputHash = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="; outputHashMode = "recursive"; };
  fixedSha512Tree = d {
    name = "fixed-sha512"; outputHashMode = "nar";
    outputHash = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
  };
  fixedText = d {
    name = "fixed.txt"; outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; outputHashMode = "text";
  };
  several = d { name = "several"; outputs = [ "out" "dev" "lib" "a-b" ]; inherit plain fixed; dev = "overwritten"; };
  noOut = d { name = "no-out"; outputs = [ "dev" ]; use = several.lib; };

  text = builtins.toFile "text.txt" "hello ${plain.name}";
  textReferring = builtins.toFile "referring.txt" "see ${text}";
  everything = d {
    name = "everything-1.0";
    args = [ "-c" "echo \"hi\" \\ \t\r\n ${textReferring} $out" text (toString 12) "" ];
    deps = [ several several.dev fixedTree fixed fixedMd5 plain plain ];
    odd = "\"\\\n\t\r\\n é\$ \${x}"; "Z" = true; "0" = false; "é" = 1; n = null; inherit textReferring; i = -3; f = 1.5; e = "";
  };
  deep = d { name = "deep"; closure = everything.drvPath; };
  deepThenMore = d { name = "deep-then-more"; only = builtins.unsafeDiscardOutputDependency everything.drvPath; inherit deep; };
  structured = d {
    name = "structured"; __structuredAttrs = true; list = [ 1 2.5 { a = everything; } ]; outputs = [ "out" "b" ]; nested.x = "y";
  };
  nullsIgnored = d { name = "nulls"; __ignoreNulls = true; a = null; b = 1; };
  longName = d { name = builtins.concatStringsSep "" (map (x: "y") (count 206)); };
  many = d { name = "many"; deps = map (i: d { name = "m${toString i}"; previous = everything; k = i; }) (count 6); };
  chain = builtins.foldl' (previous: i: d { name = "chain${toString i}"; inherit previous; }) plain (count 8);

  floating = d { name = "floating"; __contentAddressed = true; outputs = [ "out" "bin" ]; };
  floatingFlat = d {
    name = "floating-flat"; __contentAddressed = true; outputHashMode = "flat"; outputHashAlgo = "sha1"; x = floating; y = floating.bin;
  };
  deferred = d { name = "deferred"; x = floating.bin; outputs = [ "out" "q" ]; };
  deferredTwice = d { name = "deferred-twice"; x = deferred.q; };
  impure = d { name = "impure"; __impure = true; x = floating; };
  impureTwice = d { name = "impure-twice"; __impure = true; x = impure; };
  fixedOfImpure = d { name = "fixed-of-impure"; outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; x = impure; };
in [
  plain fixed fixedTree fixedMd5 fixedSha1Tree fixedSha512Tree fixedText several noOut everything deep deepThenMore structured
  nullsIgnored longName many chain floating floatingFlat deferred deferredTwice impure impureTwice fixedOfImpure
]
