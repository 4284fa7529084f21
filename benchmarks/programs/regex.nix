# match and split with groups over many short strings.
{ n }:
let
  inherit (builtins) match split genList foldl' length elemAt;
  version = i: "package-name-${toString i}.${toString (i * 7)}-beta.tar.gz";
  parsed = map (i: match "([a-z-]+)-([0-9]+)\\.([0-9]+)(-[a-z]+)?\\.tar\\.(gz|xz)" (version i)) (genList (i: i) n);
  parts = map (i: length (split "[-.]" (version i))) (genList (i: i) n);
in
[ (foldl' (sum: p: sum + length p) 0 parsed) (foldl' (a: b: a + b) 0 parts) (elemAt parsed (n - 1)) ]
