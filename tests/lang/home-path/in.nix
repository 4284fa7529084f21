# A home path is only looked up when it is used.
[ (true || ~/absent == 1) (builtins.typeOf ~/absent) (builtins.length [ ~/a ~/b/c ]) ]
