# Keys of genericClosure that are compared at once (integers, floats, strings, lists of integers and strings), and by a call; lists in order.
let
  inherit (builtins) genericClosure genList sort lessThan;
  keys = list: map (x: x.key) (genericClosure { startSet = map (key: { inherit key; }) list; operator = x: [ ]; });
  walk = start: next: map (x: x.key) (genericClosure { startSet = [ { key = start; } ]; operator = { key }: map (key: { inherit key; }) (next key); });
in
{
  floats = keys [ 1.5 0.5 1.5 2.5 0.5 (-0.5) ];
  mixed = keys [ 1 1.5 1.0 2 0.5 2.0 ];
  lists = keys [ [ 1 ] [ 1 2 ] [ ] [ 1 ] [ 0 5 ] [ 1 2 ] [ ] ];
  texts = keys [ [ "b" 1 ] [ "a" ] [ "a" 0 ] [ "b" 1 ] [ "" ] ];
  deep = keys [ [ [ 1 ] 2 ] [ [ 1 ] 1 ] [ [ 1 ] 2 ] [ [ ] 3 ] ];
  lazy = keys [ [ (1 + 1) "x${toString 1}" ] [ 2 "x1" ] [ (1 + 2) "x1" ] ];
  long = builtins.length (keys (genList (i: genList (j: if j == 280 then i / 2 else j) 300) 12));
  walked = walk [ 0 "a" ] (key: if builtins.elemAt key 0 > 20 then [ ] else [ [ (builtins.elemAt key 0 + 2) "a" ] [ (builtins.elemAt key 0 + 3) "b" ] ]);
  sorted = sort lessThan [ [ 2 1 ] [ 1 2 ] [ 1 ] [ ] [ 1 1 "b" ] [ 1 1 "a" ] [ 1 1 ] [ 1 (1 + 1) 0 ] [ 1 1.5 ] ];
  less = [ ([ 1 2 ] < [ 1 3 ]) ([ 1 2 ] < [ 1 2 ]) ([ "a" ] < [ "a" "b" ]) ([ 1 "b" ] <= [ 1 "a" ]) ([ 2 ] > [ 1 (throw "not looked at") ]) ([ 1.0 2 ] < [ 1 3 ]) ];
}
