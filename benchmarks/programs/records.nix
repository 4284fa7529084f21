# What package sets do: functions with set patterns called with what they name, fixpoints, overlays, mapAttrs.
{ n }:
let
  inherit (builtins) functionArgs intersectAttrs mapAttrs listToAttrs genList attrNames foldl' concatMap length;
  fix = f: let x = f x; in x;
  callPackageWith = scope: f: extra: f (intersectAttrs (functionArgs f) scope // extra);
  mkDerivation = { pname, version, buildInputs ? [ ], meta ? { }, ... }@args:
    { type = "package"; name = "${pname}-${version}"; inputs = map (p: p.name) buildInputs; }
    // removeAttrs args [ "meta" ] // { meta = { available = true; } // meta; };
  package = i: { mkDerivation, lib, stdenv ? null, p0, enableFeature ? (i > 10), ... }:
    mkDerivation {
      pname = "package${toString i}";
      version = "1.${toString (i - (i / 10) * 10)}";
      buildInputs = if i == 0 then [ ] else [ p0 ] ++ lib.optional enableFeature p0;
      meta = { description = "number ${toString i}"; priority = i; };
    };
  overlay = self: super: mapAttrs (name: value: if value ? name then value // { overlaid = true; } else value) super;
  packages = self: let callPackage = callPackageWith self; in
    { inherit mkDerivation; lib = { optional = c: x: if c then [ x ] else [ ]; }; }
    // listToAttrs (genList (i: { name = "p${toString i}"; value = callPackage (package i) { }; }) n);
  all = fix (self: let base = packages self; in base // overlay self base);
  names = attrNames (removeAttrs all [ "mkDerivation" "lib" ]);
in
[
  (foldl' (sum: name: sum + length all.${name}.inputs + all.${name}.meta.priority) 0 names)
  (length (concatMap (name: if all.${name}.meta.available && all.${name}.overlaid then [ all.${name}.name ] else [ ]) names))
]
