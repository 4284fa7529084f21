# The set of a `with` is looked at only when a name needs it.
[ (with throw "unforced"; 1) (with { x = throw "unforced"; y = 2; }; y) (let z = 3; in with throw "unforced"; z) ]
