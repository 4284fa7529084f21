# `//` of every shape: small onto large, large onto small, layers upon layers, nested updates as module systems do them.
{ n }:
let
  inherit (builtins) foldl' genList listToAttrs attrNames isAttrs mapAttrs length attrValues;
  wide = listToAttrs (genList (i: { name = "attr${toString i}"; value = i; }) 200);
  recursiveUpdate = a: b:
    a // mapAttrs (name: value: if isAttrs value && a ? ${name} && isAttrs a.${name} then recursiveUpdate a.${name} value else value) b;
  small = i: { attr0 = i; attr199 = i; };
  onLarge = foldl' (set: i: let next = set // small i; in builtins.seq next.attr0 next) wide (genList (i: i) (n / 10));
  onSmall = foldl' (sum: i: sum + (small i // { attr0 = 0; other = i; }).attr199) 0 (genList (i: i) n);
  layers = foldl' (set: i: set // { "layer${toString (i - (i / 100) * 100)}" = i; }) { } (genList (i: i) (n / 10));
  config = j: foldl' recursiveUpdate { } (genList
    (i: { services."s${toString (i - (i / 5) * 5)}" = { enable = true; port = i + j; settings.depth = i; }; system.version = i; })
    20);
in
[
  onLarge.attr0
  onSmall
  (foldl' (a: b: a + b) 0 (attrValues layers))
  (foldl' (sum: j: let c = config j; in sum + length (attrNames c.services) + c.services.s3.port + c.system.version) 0
    (genList (j: j) (n / 100)))
]
