"""Programs about names of a scope that are only other names of it: whether both are the same cell depends on which has its value first.

C++ Nix gives names their values in the order in which it met them.  In: where the names were met before, forms of scopes, pairs of names (some of
which C++ Nix knows from the start).  Out: expressions whose lists are printed as «repeated» where the cell is the same.
"""

from collections.abc import Iterator

# Code around the scope S in which C++ Nix may have met the name Q before.
MET = [
    "S",
    "let Q = 1; in S",
    "let k.Q = 1; in S",
    "(Q: S) 1",
    "({ Q ? 1 }: S) { }",
    "(Q@{ ... }: S) { }",
    "({ ... }@Q: S) { }",
    "({ P ? Q, Q ? 1 }: S) { }",
    "(P: Q: S) 1 2",
    "[ (Q: P) S ]",
]
SCOPES = [
    "let P = Q; Q = V; in { inherit P Q; }",
    "let Q = V; P = Q; in { inherit P Q; }",
    "let n = (1); Q = V; P = (Q); in { inherit P n Q; }",
    "rec { P = Q; Q = V; }",
    "rec { Q = V; P = Q; }",
    'rec { "P" = Q; "Q" = V; r = P; }',
    "rec { Q = V; P = Q; ${\"dynamic\"} = [ P Q ]; }",
    "rec { P = Q; R = P; Q = V; }",
    "rec { R = P; Q = V; P = Q; t = [ P Q R ]; }",
    "let { P = Q; Q = V; body = { inherit P Q; }; }",
    "let { Q = V; body = { inherit P Q; }; P = Q; }",
    "let Q = V; in rec { P = Q; inherit Q; }",
    "let Q = V; in rec { inherit Q; P = Q; }",
    "let Q = V; in let P = Q; inherit Q; in { inherit P Q; }",
    "with { Q = V; }; rec { P = Q; inherit Q; }",
    "with { Q = V; }; let P = Q; inherit Q; in { inherit P Q; }",
    "rec { P = Q; inherit ({ Q = V; }) Q; }",
    "let inherit ({ Q = V; }) Q; P = Q; in { inherit P Q; }",
    "({ P ? Q, Q ? V }: { inherit P Q; }) { }",
    "({ Q ? V, P ? Q }@all: { inherit P Q all; }) { }",
    "({ P ? Q, Q ? 1 }: { inherit P Q; }) { Q = V; }",
    "({ P ? Q, Q }: { inherit P Q; }) { Q = V; }",
    "({ Q, P ? Q }: { inherit P Q; }) { Q = V; }",
    "({ P ? Q, R ? P, Q ? V }: [ P Q R ]) { }",
]
# P, Q and R; `x`, `name`, `value`, `args` and `map` are known from the start, in this order: name value args map x.
NAMES = [("bb", "aa", "cc"), ("aa", "bb", "cc"), ("zz", "name", "aa"), ("name", "zz", "x"), ("value", "name", "zz"), ("args", "value", "x"), ("x", "map", "b"), ("map", "x", "args")]
VALUES = ["[ 1 ]", "(f 1)"]


def programs() -> Iterator[str]:
    for met in MET:
        for scope in SCOPES:
            for p, q, r in NAMES:
                for value in VALUES:
                    text = met.replace("S", scope)
                    yield f"let f = y: [ y ]; in {text.replace('P', p).replace('Q', q).replace('R', r).replace('V', value)}"
