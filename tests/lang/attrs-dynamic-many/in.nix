let
  k = "key";
  none = null;
  late = k + "1";
  names = n: { "${k}${n}" = n; };
  column = name: set: (builtins.unsafeGetAttrPos name set).column;
  many = { z = 0; "${k}1" = 1; ${none} = throw "a null name drops its pair, unforced"; "${k}2" = 2; "${k}3" = names k; "${k}4" = 4; "${k}5" = 5;
    "${k}6" = 6; "${k}7" = 7; "${k}8" = 8; ${builtins.toString 9} = 9; a = 1; ${k} = late; };
in {
  inherit many;
  columns = map (name: column name many) [ "z" "key1" "key8" "9" "a" "key" ];
  # The values see the names of the set, the names do, too.
  recursive = rec { a = "x"; "${a}1" = b; "${a}2" = 2; "${a}3" = 3; "${a}4" = 4; "${a}5" = 5; "${a}6" = 6; "${b}7" = 7; "${a}8" = 8; "${a}9" = 9; b = a; };
  from = let s = { a = 1; b = 2; }; in
    { inherit (s) a; inherit ({ c = 3; }) c; "${k}1" = 1; "${k}2" = 2; "${k}3" = 3; "${k}4" = 4; "${k}5" = 5; "${k}6" = 6; "${k}7" = 7; "${k}8" = 8; "${k}9" = 9; };
  old = let { "${k}1" = 1; "${k}2" = 2; "${k}3" = 3; "${k}4" = 4; "${k}5" = 5; "${k}6" = 6; "${k}7" = 7; "${k}8" = 8; "${k}9" = 9; body = [ k ]; };
  paths = { a."${k}1".b = 1; a."${k}2".b = 2; a."${k}3".b = 3; a."${k}4".b = 4; a."${k}5".b = 5; a."${k}6".b = 6; a."${k}7".b = 7; a."${k}8".b = 8; a."${k}9".b = 9; a.c = 1; };
  # The names of a set are asked for while those of another are.
  nested = { ${k} = 1; ${builtins.head (builtins.attrNames many)} = 2; "${k}3" = 3; "${k}4" = 4; "${k}5" = 5; "${k}6" = 6; "${k}7" = 7; "${k}8" = 8; "${k}1" = 9; };
}
