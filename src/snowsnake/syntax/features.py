"""How settings change the syntax, and the names that a program can use without binding them.

Experimental features add some operators and names; in pure evaluation the names that depend on the environment are absent.
Out: the features as bits, for the parser, the compiler, the set `builtins` and the cache of compiled files.  The rows of the table
of builtins say what each name needs.
"""

# Importing `typing` would cost a start more than everything else here.
TYPE_CHECKING = False
# The same number is in syntax/parse_state.pxd.
PIPE_OPERATORS = 1
NAMES = {"fetch-tree": 2, "fetch-closure": 4, "impure": 16, "time": 32, "dynamic-derivations": 64}
# These are the settings about literals that are on (machine/lint.py), in addition to the features.
LINTS = {
    f"{name}={level}": 256 << 2 * i + j
    for i, name in enumerate(("lint-absolute-path-literals", "lint-short-path-literals", "lint-url-literals"))
    for j, level in enumerate(("warn", "fatal"))
}
_BITS = {**NAMES, **LINTS, "pipe-operators": PIPE_OPERATORS}
_IMPLIED = {"flakes": NAMES["fetch-tree"]}

if TYPE_CHECKING:
    from collections.abc import Iterable


def feature_names(bits: int) -> "list[str]":
    return [name for name, bit in _BITS.items() if bits & bit]


def feature_bits(features: "Iterable[str]" = (), is_pure: bool = False, hides_time: bool = False) -> int:
    """The bits for the names of the features that are on.

    >>> feature_bits(["flakes", "pipe-operators"], is_pure=True)
    3
    """
    bits = 0 if is_pure else NAMES["impure"] if hides_time else NAMES["impure"] | NAMES["time"]
    # The commands pass these types, and need not import the code that checks others.
    if not isinstance(features, tuple | list | frozenset | set):
        from snowsnake.foundation.arguments import a_list

        features = a_list("features", features, "names")
    for name in features:
        bits |= _BITS.get(name, 0) | _IMPLIED.get(name, 0)
    return bits
