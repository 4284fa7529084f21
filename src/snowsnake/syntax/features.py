"""The names that a program can use without binding them, and what settings change about them and about the syntax.

Experimental features make some operators and names appear; in pure evaluation the names that tell of the surroundings are not there.
Out: the features as bits, for the parser, the compiler, the set `builtins` and what is kept of a compiled file; and the table that the
compiler looks names up in, with what it knows of the builtins behind them, and the check for undefined variables.  Every start needs it.
"""

TYPE_CHECKING = False                 # `typing` costs a start more than the rest
PIPE_OPERATORS = 1                    # as in syntax/parse_state.pxd
NAMES = {"fetch-tree": 2, "fetch-closure": 4, "impure": 16, "time": 32}
_BITS = {**NAMES, "pipe-operators": PIPE_OPERATORS}
_IMPLIED = {"flakes": NAMES["fetch-tree"]}

if TYPE_CHECKING:
    from collections.abc import Iterable


def feature_names(bits: int) -> "list[str]":
    return [name for name, bit in _BITS.items() if bits & bit]


def feature_bits(features: "Iterable[str]" = (), is_pure: bool = False, hides_time: bool = False) -> int:
    """Of the names of the features that are on.

    >>> feature_bits(["flakes", "pipe-operators"], is_pure=True)
    3
    """
    bits = 0 if is_pure else NAMES["impure"] if hides_time else NAMES["impure"] | NAMES["time"]
    for name in features:
        bits |= _BITS.get(name, 0) | _IMPLIED.get(name, 0)
    return bits


# Every builtin is an attribute of `builtins`; in the global scope it has the same name, or that name after two underscores.
_PLAIN = {
    "abort": 1, "baseNameOf": 1, "break": 1, "derivation": 0, "derivationStrict": 1, "dirOf": 1, "fetchGit": 1,
    "fetchMercurial": 1, "fetchTarball": 1, "fetchTree": 1, "fromTOML": 1, "import": 1, "isNull": 1, "map": 2, "placeholder": 1,
    "removeAttrs": 2, "scopedImport": 2, "throw": 1, "toString": 1,
}  # fmt: skip

_PREFIXED = {
    "add": 2, "addDrvOutputDependencies": 1, "addErrorContext": 2, "all": 2, "any": 2, "appendContext": 2,
    "attrNames": 1, "attrValues": 1, "bitAnd": 2, "bitOr": 2, "bitXor": 2, "catAttrs": 2, "ceil": 1,
    "compareVersions": 2, "concatLists": 1, "concatMap": 2, "concatStringsSep": 2, "convertHash": 1,
    "currentSystem": 0, "currentTime": 0, "deepSeq": 2, "div": 2, "elem": 2, "elemAt": 2, "fetchClosure": 1, "fetchurl": 1, "filter": 2,
    "filterSource": 2, "findFile": 2, "flakeRefToString": 1, "floor": 1, "foldl'": 3, "fromJSON": 1, "functionArgs": 1,
    "genList": 2, "genericClosure": 1, "getAttr": 2, "getContext": 1, "getEnv": 1, "getFlake": 1, "groupBy": 2,
    "hasAttr": 2, "hasContext": 1, "hashFile": 2, "hashString": 2, "head": 1, "intersectAttrs": 2, "isAttrs": 1,
    "isBool": 1, "isFloat": 1, "isFunction": 1, "isInt": 1, "isList": 1, "isPath": 1, "isString": 1, "langVersion": 0,
    "length": 1, "lessThan": 2, "listToAttrs": 1, "mapAttrs": 2, "match": 2, "mul": 2, "nixPath": 0, "nixVersion": 0,
    "parseDrvName": 1, "parseFlakeRef": 1, "partition": 2, "path": 1, "pathExists": 1, "readDir": 1, "readFile": 1,
    "readFileType": 1, "replaceStrings": 3, "seq": 2, "sort": 2, "split": 2, "splitVersion": 1, "storeDir": 0,
    "storePath": 1, "stringLength": 1, "sub": 2, "substring": 3, "tail": 1, "toFile": 2, "toJSON": 1, "toPath": 1,
    "toXML": 1, "trace": 2, "traceVerbose": 2, "tryEval": 1, "typeOf": 1, "unsafeDiscardOutputDependency": 1,
    "unsafeDiscardStringContext": 1, "unsafeGetAttrPos": 2, "warn": 2, "zipAttrsWith": 2,
}  # fmt: skip

_UNFIXED = {"fetchMercurial", "flakeRefToString", "getFlake", "parseFlakeRef"}
_FUNCTIONS_OF_NO_KNOWN_ARITY = {"derivation"}
_NEEDS = {"currentSystem": NAMES["impure"], "currentTime": NAMES["time"], "fetchTree": NAMES["fetch-tree"], "fetchClosure": NAMES["fetch-closure"]}  # fmt: skip

# rows: name in `builtins`; number of arguments (0: a value, or not known); is it a function; is it global under its own name, not
# `__name`; is it in `builtins` whatever the settings are, so that `builtins.name` can be looked up while compiling; the features without
# which there is no such name
GLOBALS: tuple[tuple[str, int, bool, bool, bool, int], ...] = tuple(
    (name, arity, arity > 0 or name in _FUNCTIONS_OF_NO_KNOWN_ARITY, name in _PLAIN, name not in _UNFIXED and name not in _NEEDS, _NEEDS.get(name, 0))
    for name, arity in sorted({**_PLAIN, **_PREFIXED}.items(), key=lambda item: item[0].encode())
)
VALUES = ("builtins", "true", "false", "null")
