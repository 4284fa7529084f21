let k = "key"; none = null; in
{ ${k} = 1; "${k}2" = 2; ${none} = throw "a null name drops its pair, unforced"; rest.${k}.${k} = 3; }
