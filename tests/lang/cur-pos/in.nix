let
  p = __curPos;
in
[ p.line p.column (baseNameOf p.file) (builtins.unsafeGetAttrPos "a" { a = 1; }).line ]
