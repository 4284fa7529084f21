let
  price = 12;
  amount = "3";
in
  { total = price * amount; }
