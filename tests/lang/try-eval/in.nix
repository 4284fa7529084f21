let try = e: (builtins.tryEval e).success; in
[
  (try (throw "x")) (try (assert false; 1)) (try 1) (builtins.tryEval 5) (try [ (throw "inside, not forced") ])
  (try (throw "a" + abort "not reached")) (try <not-there>)
  (builtins.tryEval (builtins.deepSeq [ (throw "deep") ] 1)).value
]
