# JSON of n records, out and in.
{ n }:
let
  inherit (builtins) toJSON fromJSON genList stringLength length;
  text = toJSON (genList (i: { id = i; name = "entry ${toString i}"; tags = [ "a" null true ]; }) n);
in
[ (stringLength text) (length (fromJSON text)) ]
