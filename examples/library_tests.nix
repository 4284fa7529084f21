# snowsnake eval examples/library_tests.nix -A testSum.expr
let
  sum = builtins.foldl' (a: b: a + b) 0;
in
{
  testSum = { expr = sum [ 1 2 3 ]; expected = 6; };
  testNone = { expr = sum [ ]; expected = 0; };
  testWrong = { expr = sum [ 1 "x" ]; expectedError.msg = "cannot add"; };
}
