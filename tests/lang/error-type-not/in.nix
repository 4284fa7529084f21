let
  enabled = "yes";
in
  !enabled
