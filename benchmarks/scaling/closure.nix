# genericClosure over n keys, and n values in groups.
{ n }:
let
  inherit (builtins) genericClosure length groupBy genList attrNames;
  closure = genericClosure { startSet = [ { key = 1; } ]; operator = { key }: if 2 * key > n then [ ] else [ { key = 2 * key; } { key = 2 * key + 1; } ]; };
in
[ (length closure) (length (attrNames (groupBy (i: toString (i / 10)) (genList (i: i) n)))) ]
