# Regular expressions of which each is used once.
{ n }:
let one = i: builtins.match "a${toString i}(b|c)*([0-9]+)x?" "a${toString i}bc7" != null; in
builtins.length (builtins.filter one (builtins.genList (i: i) n))
