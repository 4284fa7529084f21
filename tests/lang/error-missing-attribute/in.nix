let
  set = { version = 1; name = "x"; };
in
  set.verison
