let
  check = v: if v then 1 else throw "the value
is wrong";
in
  check false
