let
  k = "key";
  number = 5;
in
  {
    "${k}1" = 1; "${k}2" = 2; "${k}3" = 3; "${k}4" = 4; "${k}5" = 5; "${k}6" = 6; "${k}7" = 7; "${k}8" = 8;
    ${number} = 9;
    ${throw "a name behind the one that is none"} = 10;
  }
