# Lists as text: toString of long ones, of lists in lists, and a long text as JSON.
{ n }:
let
  numbers = builtins.genList (i: i) n;
  text = builtins.concatStringsSep "\n" (map toString numbers);
in
map builtins.stringLength [ (toString numbers) (toString (map (i: [ i [ ] [ "x" i ] ]) numbers)) (builtins.toJSON text) ]
