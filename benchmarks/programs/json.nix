# JSON out and in.
{ n }:
let
  inherit (builtins) toJSON fromJSON genList stringLength length foldl';
  data = genList (i: { id = i; name = "entry ${toString i}"; ratio = 0.5; tags = [ "a" "b\n" true null ]; nested = { x = { y = i; }; }; }) n;
  text = toJSON data;
  back = fromJSON text;
in
[ (stringLength text) (length back) (foldl' (sum: e: sum + e.nested.x.y) 0 back) ]
