"""A million levels of everything: a value or a clean error, in bounded memory.

Each program runs in a process of its own, through its API, with a memory limit; what the process used at most is bounded, too.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import snowsnake

N = 1_000_000
MEMORY_LIMIT_BYTES = 1 << 30
# The limit for the whole process: values, syntax tree, compiler, source.
MOST_BYTES = 3 << 30
SOURCE = str(Path(snowsnake.__file__).parent.parent)
# Reads a program from stdin; writes "value TEXT" or "error CODE" and the peak of the process in bytes.
CHILD = f"""
import resource, sys
sys.path.insert(0, {SOURCE!r})
import snowsnake
nix = snowsnake.Evaluator(memory_limit_bytes={MEMORY_LIMIT_BYTES}, features=["pipe-operators"])
source = sys.stdin.buffer.read()
action = sys.argv[1]
try:
    if action == "parse":
        snowsnake.parse(source, features=["pipe-operators"]).to_nix()
        text = "parsed"
    elif action == "json":
        snowsnake.parse(source, features=["pipe-operators"]).to_json()
        text = "parsed"
    elif action == "python":
        value, levels = nix.evaluate(source).to_python(), 0
        while value:
            value, levels = value[0], levels + 1
        text = str(levels)
    else:
        text = nix.evaluate(source).to_nix()
    print("value", len(text) if len(text) > 99 else text)
except snowsnake.EvaluationError as error:
    assert len(error.render()) < 5000, "a report that nobody can read"
    print("error", error.code)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def outcome(source: str, action: str = "evaluate") -> tuple[str, str]:
    """("value", text) or ("error", code); the memory that it took is within bounds."""
    done = subprocess.run([sys.executable, "-c", CHILD, action], input=source.encode(), capture_output=True, timeout=300)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr.decode()[-1000:]}"
    first, peak_bytes = done.stdout.decode().split("\n")[:2]
    assert int(peak_bytes) < MOST_BYTES
    kind, _, text = first.partition(" ")
    return kind, text


def nested(before: str, inner: str, after: str) -> str:
    return before * N + inner + after * N


# The value of a program that does not end in an error.  How deep syntax may be depends on how the core was compiled.
SYNTAX = {
    "parentheses": (nested("(", "1", ")"), "1"),
    "lists": (nested("[", "1", "]"), "4000001"),
    "sets": (nested("{a=", "1", ";}"), "9000001"),
    "recursive sets": (nested("rec{a=", "1", ";}"), "9000001"),
    "dynamic sets": (nested('{${"a"}=', "1", ";}"), "9000001"),
    "lambdas": (nested("{a}:", "1", ""), "<LAMBDA>"),
    "strings": (nested('"${', '"x"', '}"'), '"x"'),
    "indented strings": (nested("''${", '"x"', "}''"), '"x"'),
    "ifs": (nested("if true then ", "1", " else 2"), "1"),
    "conditions": (nested("if ", "true", " then true else false"), "true"),
    "elses": (nested("if false then 1 else ", "1", ""), "1"),
    "additions": ("1" + "+1" * N, "1000001"),
    "additions on the right": (nested("1+(", "1", ")"), "1000001"),
    "comparisons": (nested("(", "true", "==true)"), "true"),
    "ands": ("true" + "&&true" * N, "true"),
    "implications": ("true" + " -> true" * N, "true"),
    "updates": ("{}" + "//{a=1;}" * N, "{ a = 1; }"),
    "concatenations": ("[]" + "++[]" * N, "[ ]"),
    "negations": ("-" * N + "1", "1"),
    "nots": ("!" * N + "true", "true"),
    "selects": ("let a = { }; in a" + ".a" * N, None),
    "defaults of selects": ("let a = { }; in " + nested("(a.b or ", "1", ")"), "1"),
    "attribute paths": ("{ a" + ".a" * N + " = 1; }", "9000010"),
    "tests of attributes": ("{ } ? a" + ".a" * N, "false"),
    "lets": (nested("let a = 1; in ", "1", ""), "1"),
    "values of lets": (nested("let a = ", "1", "; in a"), "1"),
    "legacy lets": (nested("let{body=", "1", ";}"), "1"),
    "withs": (nested("with {};", "1", ""), "1"),
    "asserts": (nested("assert true;", "1", ""), "1"),
    "applications": ("(x: x)" + " (x: x)" * N + " 1", "1"),
    "applications on the right": (nested("(x: x) (", "1", ")"), "1"),
    "pipes": ("1" + "|>(x: x)" * N, "1"),
    "defaults of formals": (nested("({a ? ", "1", "}: a) {}"), "1"),
    "unclosed lists": ("[" * N, None),
    "unclosed strings": ('"${' * N, None),
    "faults": ("{" + "a=;" * N + "}", None),
    "duplicates": ("{" + "a=1;" * N + "}", None),
    "undefined variables": ("[" + "".join(f"q{i} " for i in range(N)) + "]", None),
}


@pytest.mark.parametrize("name", SYNTAX)
def test_deep_syntax_is_evaluated_or_an_error(name: str, is_stressed: bool) -> None:
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    source, value = SYNTAX[name]
    kind, text = outcome(source)
    if kind == "value":
        assert text == value
    else:
        assert text in ("syntax", "depth", "memory", "missing-attribute", "duplicate-attribute", "undefined-variable")
        assert value is None or text in ("syntax", "depth", "memory")


@pytest.mark.parametrize("action", ["parse", "json"])
@pytest.mark.parametrize("name", ["parentheses", "lists", "sets", "strings", "ifs", "additions on the right", "attribute paths"])
def test_deep_syntax_is_printed_or_an_error(name: str, action: str) -> None:
    assert outcome(SYNTAX[name][0], action) in [("value", "parsed"), ("error", "syntax"), ("error", "depth")]


LISTS = f"l = builtins.foldl' (a: b: [ a ]) [ ] (builtins.genList (x: x) {N}); "
SETS = f"s = builtins.foldl' (a: b: {{ inherit a; }}) {{ }} (builtins.genList (x: x) {N}); "
BOTH = "let " + LISTS + LISTS.replace("l =", "k =") + SETS + SETS.replace("s =", "r =") + " in "
GROWING = "let f = n: [ n (f (n + 1)) ]; in "
MACHINE = {
    f"let f = n: if n == 0 then 0 else 1 + f (n - 1); in f {N}": ("value", "1000000"),
    f"let f = n: if n == 0 then true else !(f (n - 1)); in f {N}": ("value", "true"),
    f"(builtins.foldl' (a: b: {{ x = a.x + 1; }}) {{ x = 0; }} (builtins.genList (x: x) {N})).x": ("value", "1000000"),
    f"builtins.foldl' (a: b: a + b) 0 (map (x: 1) (builtins.genList (x: x) {N}))": ("value", "1000000"),
    f"builtins.elemAt (builtins.genList (x: x) {N}) 999999": ("value", "999999"),
    BOTH + "l": ("value", "4000003"),
    BOTH + "s": ("value", "9000003"),
    BOTH + "l == k && s == r": ("value", "true"),
    BOTH + "l < k": ("value", "false"),
    BOTH + "builtins.deepSeq l (builtins.deepSeq s 1)": ("value", "1"),
    BOTH + "builtins.stringLength (builtins.toJSON l + builtins.toJSON s)": ("value", "8000004"),
    BOTH + "builtins.toXML l": ("error", "depth"),
    BOTH + "toString l": ("value", '""'),
    f"builtins.toXML ({LISTS.replace(str(N), '1000')[4:].rstrip('; ')}) != \"\"": ("value", "true"),
    f'builtins.fromJSON (builtins.concatStringsSep "" (builtins.genList (x: if x < {N} then "[" else "]") {2 * N})) == [ ]':
        ("value", "false"),
    f'let f = builtins.foldl\' (a: b: {{ __toString = self: a; }}) "x" (builtins.genList (x: x) {N}); in "${{f}}"':
        ("value", '"x"'),
    "(x: x x) (x: x x)": ("error", "depth"),
    "let f = x: 1 + f x; in f 1": ("error", "depth"),
    "let f = x: f (x + 1); in f 1": ("error", "depth"),
    "let x = x + 1; in x": ("error", "infinite-recursion"),
    "let a = [ a ]; b = [ b ]; in a == b": ("error", "depth"),
    GROWING + "builtins.deepSeq (f 0) 1": ("error", "depth"),
    GROWING + "f 0 == f 0": ("error", "depth"),
    GROWING + "builtins.toJSON (f 0)": ("error", "depth"),
    GROWING + "builtins.toXML (f 0)": ("error", "depth"),
    'let f = s: if builtins.stringLength s < 0 then s else f (s + s); in f "12345678"': ("error", "memory"),
    "let f = l: if builtins.length l < 0 then l else f (l ++ l); in f [ 1 ]": ("error", "memory"),
}  # fmt: skip


@pytest.mark.parametrize("number", range(len(MACHINE)))
def test_deep_evaluation_has_its_value(number: int, is_stressed: bool) -> None:
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    source, expected = list(MACHINE.items())[number]
    assert outcome(source) == expected, source[-100:]


def test_deep_values_become_python_objects() -> None:
    assert outcome(BOTH + "l", "python") == ("value", str(N))


DEEP_KEYS = ["let l = [ l ]; in l", "let s = { a = [ s ]; }; in [ s ]", "let " + LISTS + "in l"]


@pytest.mark.parametrize("keys", DEEP_KEYS, ids=["list in itself", "set in itself", "nested lists"])
def test_keys_that_nest_too_deep_reach_the_limit(keys: str, is_stressed: bool) -> None:
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    nix = snowsnake.Evaluator(features=["fetch-tree", "verified-fetches"])
    with pytest.raises(snowsnake.EvaluationError, match="max-call-depth exceeded"):
        nix.evaluate(f'builtins.fetchTree {{ type = "git"; url = "file:///nowhere"; publicKeys = {keys}; }}').force()
