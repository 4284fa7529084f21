# Lists nested a hundred thousand deep are compared, measured and printed as JSON without a limit of the C stack.
let nest = n: builtins.foldl' (a: _: [ a ]) [ ] (builtins.genList (x: x) n); a = nest 100000; b = nest 100000; in
[ (a == b) (builtins.stringLength (builtins.toJSON a)) (a == nest 99999) ]
