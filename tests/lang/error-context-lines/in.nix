let
  risky = builtins.addErrorContext "while computing the answer" (throw "no answer");
in
  builtins.addErrorContext "at the top" (risky + 1)
