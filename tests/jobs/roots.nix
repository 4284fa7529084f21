# Roots of jobs, one for each thing that eval-jobs does with what it finds.
let
  make = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; } // more);
  a = make "a-1.0" { };
in
{
  plain = {
    inherit a;
    "dotted.name" = make "dotted" { };
    two-outputs = make "two" { outputs = [ "out" "dev" ]; needs = "${a}"; };
    not-entered = { inherit a; };
    entered = { recurseForDerivations = true; b = make "b" { }; deeper = { recurseForDerivations = true; c = make "c" { }; }; };
    function = { x ? "1" }: make "called-${x}" { };
    number = 1;
    list = [ a ];
    nothing = null;
    broken = throw "this one does not evaluate";
    broken-below = { recurseForDerivations = throw "nor does this"; };
    no-name = { type = "derivation"; };
    no-path = { type = "derivation"; name = "x"; system = "s"; };
    bad-path = { type = "derivation"; name = "x"; system = "s"; drvPath = "/nix/store/x"; outPath = "/nix/store/x"; };
    features = make "features" { requiredSystemFeatures = [ "kvm" "big-parallel" ]; };
    structured = make "structured" { __structuredAttrs = true; requiredSystemFeatures = [ "kvm" ]; };
  };
  meta = {
    rich = make "rich" { } // { meta = { description = "é \"x\""; license = [ { free = true; } "mit" ]; size = 1.5; priority = 5; odd = x: x; inner = { inherit a; }; }; };
    bare = a;
    failing = a // { meta = { description = throw "no description"; }; };
    empty = a // { meta = { }; };
  };
  inputs = rec {
    first = make "first" { };
    second = make "second" { needs = "${first}"; };
    third = make "third" { needs = "${first} ${second}"; };
  };
  aggregates = {
    x = make "x" { };
    y = make "y" { };
    direct = make "direct" { _hydraAggregate = true; constituents = [ a ]; };
    named = make "named" { _hydraAggregate = true; constituents = [ "x" "direct" ]; };
    glob = make "glob" { _hydraAggregate = true; _hydraGlobConstituents = true; constituents = [ "[xy]" ]; };
    absent = make "absent" { _hydraAggregate = true; constituents = [ "z" ]; };
    not-list = make "not-list" { _hydraAggregate = true; constituents = 1; };
  };
  cycle = {
    one = make "one" { _hydraAggregate = true; constituents = [ "two" ]; };
    two = make "two" { _hydraAggregate = true; constituents = [ "one" ]; };
    other = make "other" { _hydraAggregate = true; constituents = [ "one" ]; };
  };
  many = builtins.listToAttrs (builtins.genList (i: {
    name = "job${toString i}";
    value = if i / 7 * 7 == i then throw "job ${toString i} fails"
      else make "job-${toString (builtins.foldl' (x: y: if x > 1000 then y else x + y) i (builtins.genList (x: x) 20000))}" { };
  }) 300);
  large = builtins.listToAttrs (builtins.genList (i: {
    name = "job${toString (100 + i)}";
    value = make "large-${toString (builtins.length (builtins.genList (x: x + i) 400000))}-${toString i}" { };
  }) 12);
}
