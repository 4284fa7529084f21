# genericClosure with lists and floats as keys.
{ n }:
let
  lists = { key, v }: if v >= n then [ ] else [ { key = [ (v + 1) "a" ]; v = v + 1; } ];
  floats = { key }: if key >= n then [ ] else [ { key = key + 1; } ];
in
map builtins.length [
  (builtins.genericClosure { startSet = [ { key = [ 0 "a" ]; v = 0; } ]; operator = lists; })
  (builtins.genericClosure { startSet = [ { key = 0.5; } ]; operator = floats; })
]
