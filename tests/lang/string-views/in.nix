# A large part of a large string shares its bytes (machine/word.pxd, "string view"); nothing that reads strings may tell it from a copy.
let
  inherit (builtins) substring stringLength foldl' genList match split replaceStrings hashString toJSON fromJSON concatStringsSep elem toXML compareVersions splitVersion parseDrvName fromTOML genericClosure sort lessThan groupBy listToAttrs attrNames baseNameOf;
  big = concatStringsSep "," (genList (i: toString i) 12000);
  doc = "XX[" + big + "]YY1";
  view = substring 2 (stringLength doc - 5) doc;
  flat = "[" + big + "]";
  strview = substring 5 20000 big;
  strflat = concatStringsSep "" (genList (i: substring (5 + i * 100) 100 big) 200);
  num = substring 1 20000 ("a" + concatStringsSep "" (genList (i: "1") 20000) + "5");
  ctx = substring 3 20000 (big + "${derivation { name = "n"; system = "s"; builder = "b"; }}");
  toml = substring 0 (stringLength t - 3) t;
  t = concatStringsSep "\n" (genList (i: "a${toString i} = ${toString i}") 3000) + "777";
  path = substring 0 17000 ("/" + concatStringsSep "" (genList (i: "abcdefgh/") 3000));
in {
  eq = [ (view == flat) (strview == strflat) (strview < strflat) (strflat < strview) (elem strview [ strflat ]) (strview == strview + "") ];
  json = builtins.length (fromJSON view);
  m = [ (match "[0-9,]*" strview != null) (match "(.*)(,)([0-9]*)" strview == match "(.*)(,)([0-9]*)" strflat) ];
  sp = split "," strview == split "," strflat;
  rep = hashString "sha256" (replaceStrings [ "1" "" ] [ "x" "-" ] strview);
  repf = hashString "sha256" (replaceStrings [ "1" "" ] [ "x" "-" ] strflat);
  h = [ (hashString "md5" strview) (hashString "sha1" strview) (hashString "sha512" strview) ];
  tj = hashString "md5" (toJSON strview);
  xml = hashString "md5" (toXML strview);
  cmp = [ (compareVersions strview strflat) (builtins.length (splitVersion strview)) (compareVersions num (num + "1")) ];
  drv = stringLength (parseDrvName strview).name;
  toml = builtins.length (attrNames (fromTOML toml));
  clo = builtins.length (genericClosure { startSet = [ { key = strview; } { key = strflat; } ]; operator = x: [ ]; });
  srt = map stringLength (sort lessThan [ view strview num strflat flat ]);
  grp = attrNames (listToAttrs [ { name = strview; value = 1; } { name = strflat; value = 2; } ]) == [ strflat ];
  grp2 = map stringLength (attrNames (groupBy (x: x) [ strview strflat num ]));
  sel = { ${strview} = 5; }.${strflat};
  has = { ${strflat} = 5; } ? ${strview};
  sub = [ (substring 19990 100 strview) (substring 0 5 (substring 3 18000 strview)) (substring 3 16384 strview == substring 3 16384 strflat) ];
  cx = [ (builtins.hasContext ctx) (builtins.attrNames (builtins.getContext ctx)) (stringLength (builtins.unsafeDiscardStringContext ctx)) (builtins.hasContext (builtins.unsafeDiscardStringContext ctx)) ];
  base = [ (baseNameOf path) (stringLength (dirOf path)) ];
  cat = hashString "md5" "${strview}x${strview}";
  add = hashString "md5" (strview + strview);
  arg = (derivation { name = "a"; system = "s"; builder = "b"; args = [ strview ]; env1 = strview; }).outPath;
  argf = (derivation { name = "a"; system = "s"; builder = "b"; args = [ strflat ]; env1 = strflat; }).outPath;
  behind = let
    sp = concatStringsSep "" (genList (i: " ") 17000);
  in [
    (fromJSON (substring 0 17002 (sp + "125")))
    (fromJSON (substring 0 17003 (sp + "1.25")))
    (fromTOML (substring 0 17005 (sp + "a = 125")))
    (fromTOML (substring 0 17007 (sp + "a = 1.25")))
    (fromJSON (substring 0 17004 (sp + "trueX")))
    (builtins.compareVersions (substring 0 17002 (sp + "125"))
    (sp + "12"))
    (substring 0 5 (builtins.replaceStrings [ " " "12" "125" ] [ "" "a" "b" ] (substring 0 17002 (sp + "125"))))
    (builtins.match " *(1*2*5*)" (substring 0 17002 (sp + "125")))
    (builtins.match ".*[[:digit:]]$" (substring 0 17002 (sp + "12x")))
    (builtins.length (builtins.split "12?5?$" (substring 0 17002 (sp + "125"))))
    (builtins.convertHash { hash = substring 0 40 (builtins.hashString "sha1" "a"); hashAlgo = "sha1"; toHashFormat = "sri"; })
  ];
}
