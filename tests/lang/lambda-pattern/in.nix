let
  closed = { a, b }: a - b;
  open = { a, ... }: a;
  at-left = args@{ a, ... }: args // { inherit a; };
  at-right = { a, ... }@args: builtins.attrNames args;
  empty = { }: "empty";
  any = { ... }: "any";
in
[
  (closed { a = 5; b = 3; }) (open { a = 1; z = throw "unforced"; }) (at-left { a = 1; c = 2; }) (at-right { a = 1; c = 2; })
  (empty { }) (any { x = 1; }) (builtins.functionArgs ({ a, b ? 1 }: a))
]
