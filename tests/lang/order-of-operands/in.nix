# Which of two errors comes: a throw that comes first is caught, an abort is not; so what aborts must come second, or not at all.
let
  caught = x: !(builtins.tryEval x).success;
  function = x: { g = y: y; };
in
[
  # the right operand first
  (caught (abort "left" > throw "right"))
  (caught (abort "left" <= throw "right"))
  (caught (abort "left" // throw "right"))
  # the left operand first
  (caught (throw "left" < abort "right"))
  (caught (throw "left" >= abort "right"))
  (caught (throw "left" - abort "right"))
  (caught (throw "left" == abort "right"))
  (caught (throw "left" ++ abort "right"))
  # the left operand is coerced before the right one is evaluated
  (caught (throw "left" + abort "right"))
  (caught ({ __toString = self: throw "left"; } + abort "right"))
  (caught ({ outPath = throw "left"; } + abort "right"))
  # the parts of a string from the first to the last
  (caught "${throw "first"}${abort "second"}")
  (caught "${{ __toString = self: throw "first"; }} ${abort "second"}")
  (caught "${"a"}${throw "second"}${abort "third"}")
  # a computed name before the set that it is selected from, but the first set before everything
  (caught { a = abort "set"; }.a.${throw "name"})
  (caught ({ a = abort "set"; }.a.${throw "name"} or 1))
  (caught ({ a = abort "set"; }.a.${throw "name"}.b or 1))
  (caught (throw "set").${abort "name"})
  (caught ({ a = throw "set"; } ? a.${abort "name"}))
  # each call makes functions of its own
  (function 1 == function 1)
  (let same = function 1; in same == same)
]
