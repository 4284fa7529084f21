# Deep recursions that join lists and strings on their way back.
{ n }:
let
  lists = k: if k == 0 then [ ] else [ k ] ++ lists (k - 1);
  texts = k: if k == 0 then "" else "ab" + texts (k - 1);
  longer = builtins.foldl' (list: i: list ++ [ i ]) [ ] (builtins.genList (i: i) n);
  # The depth is one that C++ Nix allows.
  times = builtins.genList (i: builtins.length (lists 4000) + builtins.stringLength (texts 4000)) (n / 2000);
in
[ (builtins.length longer) (builtins.foldl' builtins.add 0 times) ]
