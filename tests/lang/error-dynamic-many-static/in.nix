let
  k = "key";
in
  rec {
    key3 = 0;
    "${k}1" = 1; "${k}2" = 2; ${k + "3"} = 3; "${k}4" = 4; "${k}5" = 5; "${k}6" = 6; "${k}7" = 7; "${k}8" = 8;
    ${throw "a name behind the one that is there already"} = 10;
  }
