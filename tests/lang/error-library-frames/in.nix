let
  lib = import <checks>;
  port = n: if lib.check "port" (n > 1) then n else 0;
in
{ ports = map (item: item.value) (lib.mapChecked port [ 1 2 ]); }
