# What every case has: derivations whose builder is a shell script of a few words.
let
  make = name: attributes: script:
    derivation ({
      inherit name;
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" script ];
      PATH = "/bin:/usr/bin";
    } // attributes);
  sh = name: make name { };
  shown = d: builtins.readFile (sh "shown" "stat -c '%n %a %Y %s' ${d} | sed 's,.*-,,' > $out");
in
