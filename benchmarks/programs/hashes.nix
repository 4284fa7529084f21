# A text of 32 MB hashed by each algorithm, and many short ones.
{ n }:
let
  big = builtins.foldl' (s: i: s + s) "0123456789abcdef" (builtins.genList (i: i) 21);
  kinds = [ "md5" "sha1" "sha256" "sha512" ];
  short = i: builtins.foldl' (total: kind: total + builtins.stringLength (builtins.hashString kind "text ${toString i}")) 0 kinds;
in
[ (map (kind: builtins.hashString kind big) kinds) (builtins.foldl' (total: i: total + short i) 0 (builtins.genList (i: i) n)) ]
