# The builtins on strings: substring, replaceStrings, split by characters, comparison, versions, paths, hashes.
{ n }:
let
  inherit (builtins) stringLength substring replaceStrings concatStringsSep genList foldl' compareVersions splitVersion
    parseDrvName baseNameOf dirOf hashString toString length elemAt concatMap;
  characters = s: genList (i: substring i 1 s) (stringLength s);
  upper = replaceStrings [ "a" "b" "c" "d" "e" "f" "g" "h" ] [ "A" "B" "C" "D" "E" "F" "G" "H" ];
  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;
  name = i: "package-${toString i}-1.${toString (i - (i / 30) * 30)}.${toString (i - (i / 7) * 7)}rc1";
  one = i:
    let s = name i; parsed = parseDrvName s; path = "/nix/store/${s}/bin/${upper s}"; in
    length (characters s) + compareVersions parsed.version "1.15.3" + length (splitVersion parsed.version)
    + stringLength (baseNameOf path) + stringLength (dirOf path) + (if hasPrefix "package-1" s then 1 else 0)
    + (if s < "package-5" then 1 else 0);
in
[
  (foldl' (sum: i: sum + one i) 0 (genList (i: i) n))
  (hashString "sha256" (concatStringsSep "," (genList (i: hashString "md5" (name i)) n)))
  (stringLength (concatStringsSep "" (concatMap (i: characters (upper (name i))) (genList (i: i) (n / 4)))))
]
