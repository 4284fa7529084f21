"""How C++ Nix 2.34 words what a builtin was at: its arguments, the elements of them, the results of functions it was given."""

_ORDINALS = ("first", "second", "third")

# Builtins whose only argument is not called the first.
_ONLY = frozenset(
    "addDrvOutputDependencies attrNames attrValues derivationStrict flakeRefToString fromTOML getContext getFlake hasContext listToAttrs "
    "parseFlakeRef stringLength unsafeDiscardOutputDependency unsafeDiscardStringContext".split()
)
_QUOTED = frozenset(("dirOf", "elemAt", "head", "storePath", "tail"))
_SPECIAL = {
    ("abort", 1): "while evaluating the error message passed to builtins.abort",
    ("add", 1): "while evaluating the first argument of the addition",
    ("add", 2): "while evaluating the second argument of the addition",
    ("concatStringsSep", 1): "while evaluating the first argument (the separator string) passed to builtins.concatStringsSep",
    ("concatStringsSep", 2): "while evaluating the second argument (the list of strings to concat) passed to builtins.concatStringsSep",
    ("div", 1): "while evaluating the first operand of the division",
    ("div", 2): "while evaluating the second operand of the division",
    ("filterSource", 2): "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'",
    ("foldl'", 1): "while evaluating the first argument passed to builtins.foldlStrict",
    ("foldl'", 3): "while evaluating the third argument passed to builtins.foldlStrict",
    ("import", 1): "while realising the context of a path",
    ("mul", 1): "while evaluating the first argument of the multiplication",
    ("mul", 2): "while evaluating the second argument of the multiplication",
    ("pathExists", 1): "while realising the context of a path",
    ("readDir", 1): "while realising the context of a path",
    ("readFile", 1): "while realising the context of a path",
    ("readFileType", 1): "while realising the context of a path",
    ("scopedImport", 2): "while realising the context of a path",
    ("sub", 1): "while evaluating the first argument of the subtraction",
    ("sub", 2): "while evaluating the second argument of the subtraction",
    ("substring", 1): "while evaluating the first argument (the start offset) passed to builtins.substring",
    ("substring", 2): "while evaluating the second argument (the substring length) passed to builtins.substring",
    ("substring", 3): "while evaluating the third argument (the string) passed to builtins.substring",
    ("throw", 1): "while evaluating the error message passed to builtin.throw",
    ("warn", 1): "while evaluating the first argument; the message passed to builtins.warn",
}
# Letters of the table of builtins whose check is also said of what goes wrong while such an argument is evaluated.
WRAPPED_LETTERS = "ibsS"
_WRAPPED = frozenset((("import", 1), ("pathExists", 1), ("readDir", 1), ("readFile", 1), ("readFileType", 1), ("scopedImport", 2)))

# What is wrong inside an argument, or with what a function gave: by builtin, and the start of the message.
_INSIDE = (
    ("abort", "cannot coerce", "while evaluating the error message passed to builtins.abort"),
    ("addErrorContext", "cannot coerce", "while evaluating the error message passed to builtins.addErrorContext"),
    ("ceil", "expected a float", "while evaluating the first argument passed to builtins.ceil"),
    ("elemAt", "expected a list", "while evaluating the first argument passed to 'builtins.elemAt'"),
    ("floor", "expected a float", "while evaluating the first argument passed to builtins.floor"),
    ("genList", "expected a function", "while evaluating the first argument passed to builtins.genList"),
    ("hashString", "expected a string", "while evaluating the second argument passed to builtins.hashString"),
    ("throw", "cannot coerce", "while evaluating the error message passed to builtin.throw"),
    ("all", "expected a Boolean", "while evaluating the return value of the function passed to builtins.all"),
    ("any", "expected a Boolean", "while evaluating the return value of the function passed to builtins.any"),
    ("catAttrs", "expected a set", "while evaluating an element in the list passed as second argument to builtins.catAttrs"),
    ("concatLists", "expected a list", "while evaluating a value of the list passed to builtins.concatLists"),
    ("concatMap", "expected a list", "while evaluating the return value of the function passed to builtins.concatMap"),
    ("concatStringsSep", "cannot coerce", "while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep"),
    ("fetchGit", "cannot coerce", "while evaluating the first argument passed to 'fetchGit'"),
    ("fetchMercurial", "cannot coerce", "while evaluating the first argument passed to builtins.fetchMercurial"),
    ("fetchTree", "cannot coerce", "while evaluating the first argument passed to 'fetchTree'"),
    ("filter", "expected a Boolean", "while evaluating the return value of the filtering function passed to builtins.filter"),
    ("findFile", "expected a set", "while evaluating an element of the list passed to builtins.findFile"),
    ("fromJSON", "[json.exception", "while decoding a JSON string"),
    ("genericClosure", "attribute 'startSet'", "in the attrset passed as argument to builtins.genericClosure"),
    ("genericClosure", "attribute 'operator'", "in the attrset passed as argument to builtins.genericClosure"),
    ("genericClosure", "expected a list", "while evaluating the return value of the `operator` passed to builtins.genericClosure"),
    ("getAttr", "attribute '", "in the attribute set under consideration"),
    ("groupBy", "expected a string", "while evaluating the return value of the grouping function passed to builtins.groupBy"),
    ("listToAttrs", "attribute '", "in a {name=...; value=...;} pair"),
    ("listToAttrs", "expected a set", "while evaluating an element of the list passed to builtins.listToAttrs"),
    ("listToAttrs", "expected a string", "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs"),
    ("partition", "expected a Boolean", "while evaluating the return value of the partition function passed to builtins.partition"),
    ("removeAttrs", "expected a string", "while evaluating the values of the second argument passed to builtins.removeAttrs"),
    ("replaceStrings", "expected a string", "while evaluating one of the strings to replace passed to builtins.replaceStrings"),
    ("match", "expected a string", "while evaluating the second argument passed to builtins.match"),
    ("split", "expected a string", "while evaluating the second argument passed to builtins.split"),
    ("sort", "cannot compare", "while evaluating the ordering function passed to builtins.sort"),
    ("sort", "expected a Boolean", "while evaluating the return value of the sorting function passed to builtins.sort"),
    ("toPath", "string '", "while evaluating the first argument passed to builtins.toPath"),
    ("toString", "cannot coerce", "while evaluating the first argument passed to builtins.toString"),
    ("zipAttrsWith", "expected a set", "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith"),
)


def argument_text(name: str, argument: int) -> str:
    """The line for an argument of a builtin; arguments count from 1.

    >>> argument_text("match", 2)
    'while evaluating the second argument passed to builtins.match'
    """
    special = _SPECIAL.get((name, argument))
    if special is not None:
        return special
    ordinal = "" if name in _ONLY else _ORDINALS[argument - 1] + " "
    shown = f"'builtins.{name}'" if name in _QUOTED else f"builtins.{name}"
    return f"while evaluating the {ordinal}argument passed to {shown}"


def is_wrapped(name: str, argument: int) -> bool:
    """Whether the line is there for every error inside the argument, not only for a wrong type."""
    from snowsnake.builtins.signatures import SIGNATURES

    letters, _ = SIGNATURES.get(name, ("", False))
    return (name, argument) in _WRAPPED or letters[argument - 1 : argument] in tuple(WRAPPED_LETTERS)


def inside_text(name: str, message: str) -> str | None:
    """The line for an error that a builtin raises of something inside its arguments."""
    return next((text for builtin, start, text in _INSIDE if builtin == name and message.startswith(start)), None)
