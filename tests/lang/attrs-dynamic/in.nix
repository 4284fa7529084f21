let k = "key"; none = null; column = name: set: (builtins.unsafeGetAttrPos name set).column; in
{ ${k} = 1; "${k}2" = 2; ${none} = throw "a null name drops its pair, unforced"; rest.${k}.${k} = 3;
  columns = [
    (column "key" { ${k} = 1; })
    (column "key2" { a = 1; ${none} = 0; "${k}2" = 2; b = 3; ${k} = 4; })
    (column "key" { a = 1; ${none} = 0; "${k}2" = 2; b = 3; ${k} = 4; })
    (column "b" { a = 1; ${none} = 0; "${k}2" = 2; b = 3; ${k} = 4; })
    (column "key" { a.${k} = 1; }.a)
    (column "key" (rec { b = k; ${b} = 1; }))
  ];
}
