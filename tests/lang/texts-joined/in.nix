# Texts that `+` lengthens share room with what they came from (machine/operations.pyx): nobody may see another's bytes.
let
  inherit (builtins) concatStringsSep foldl' genList hashString stringLength substring;
  double = n: text: if n == 0 then text else double (n - 1) (text + text);
  start = concatStringsSep "," (genList toString 5000);
  small = start + "x";
  large = double 5 start;
  # All of these begin with the same text, which has room for one of them.
  of = text: let
    a = text + "a";
    b = text + text;
    c = text + "c";
    d = b + a;
    e = b + "e";
    f = substring 1 (stringLength b) b + "f";
  in [ text a b c d e f (text + a + b + c) "${c}${d}" ];
  # Each collection of these loses the room of the text that grows.
  grown = foldl' (text: i: text + toString (map (j: i + j) (genList (j: j) 600))) start (genList (i: i) 150);
  all = of (small + "y") ++ of (large + large) ++ [ grown (double 2 grown) ];
in
{
  sizes = map stringLength all;
  hashes = map (hashString "sha256") all;
  same = [ (large == concatStringsSep "" (genList (i: start) 32)) (hashString "sha256" (grown + grown) == hashString "sha256" "${grown}${grown}") ];
}
