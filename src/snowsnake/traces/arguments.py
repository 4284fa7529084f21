"""How C++ Nix 2.34 words what a builtin was at: its arguments, the elements of them, the results of functions it was given.

Parts of a builtin's input are named as in `traces.cause`; further ones tell what the machine did for it with an argument or an element:
`coerced` to a string or path, `compared`, called (`function`), looked into for an attribute (`attributes`), read as a text (`content`).
"""

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
    ("fetchTarball", 1): "while evaluating the url we should fetch",
    ("fetchurl", 1): "while evaluating the url we should fetch",
    ("filterSource", 2): "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'",
    ("foldl'", 1): "while evaluating the first argument passed to builtins.foldlStrict",
    ("foldl'", 3): "while evaluating the third argument passed to builtins.foldlStrict",
    ("import", 1): "while realising the context of a path",
    ("path", 1): "while evaluating the argument passed to 'builtins.path'",
    ("mul", 1): "while evaluating the first argument of the multiplication",
    ("mul", 2): "while evaluating the second argument of the multiplication",
    ("outputOf", 1): "while evaluating the first argument to builtins.outputOf",
    ("outputOf", 2): "while evaluating the second argument to builtins.outputOf",
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
_WRAPPED_LETTERS = "ibsSf"
_REALISING = "while realising the context of a path"
# A line that ends so is at the attribute; so is an error of a wrong type in it, if it is not a set or list that was expected.
AT_ATTRIBUTE = "@"

_FETCHED = {
    "attribute name": "while evaluating the name of the content we should fetch@",
    "attribute sha256": "while evaluating the sha256 of the content we should fetch@",
    "attribute url": "while evaluating the url we should fetch@",
}

_PARTS: dict[str, dict[str, str]] = {
    "abort": {"coerced": "while evaluating the error message passed to builtins.abort"},
    "addErrorContext": {"coerced": "while evaluating the error message passed to builtins.addErrorContext"},
    "all": {"result": "while evaluating the return value of the function passed to builtins.all"},
    "any": {"result": "while evaluating the return value of the function passed to builtins.any"},
    "appendContext": {
        "attribute": "while evaluating the value of a string context@",
        "attribute path": "while evaluating the `path` attribute of a string context@",
        "attribute allOutputs": "while evaluating the `allOutputs` attribute of a string context@",
        "attribute outputs": "while evaluating the `outputs` attribute of a string context@",
        "elements outputs": "while evaluating an output name within a string context@",
    },
    "catAttrs": {"element 2": "while evaluating an element in the list passed as second argument to builtins.catAttrs"},
    "concatLists": {"element 1": "while evaluating a value of the list passed to builtins.concatLists"},
    "concatMap": {"result": "while evaluating the return value of the function passed to builtins.concatMap"},
    "concatStringsSep": {"coerced": "while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep"},
    "convertHash": {
        "attribute hash": "while evaluating the attribute 'hash'",
        "attribute hashAlgo": "while evaluating the attribute 'hashAlgo'",
        "attribute toHashFormat": "while evaluating the attribute 'toHashFormat'",
        "no attribute hash": "while locating the attribute 'hash'",
        "no attribute toHashFormat": "while locating the attribute 'toHashFormat'",
    },
    "derivationStrict": {
        "attribute __ignoreNulls": "while evaluating the `__ignoreNulls` attribute passed to builtins.derivationStrict",
        "attribute __structuredAttrs": "while evaluating the `__structuredAttrs` attribute passed to builtins.derivationStrict",
        "attribute name": "while evaluating the `name` attribute passed to builtins.derivationStrict",
        "no attribute name": "in the attrset passed as argument to builtins.derivationStrict",
        "elements args": "while evaluating an element of the argument list",
    },
    "fetchGit": {"coerced": "while evaluating the first argument passed to 'fetchGit'"},
    "fetchMercurial": {
        "attribute name": "while evaluating the `name` attribute passed to builtins.fetchMercurial@",
        "attribute rev": "while evaluating the `rev` attribute passed to builtins.fetchMercurial@",
        "coerced": "while evaluating the first argument passed to builtins.fetchMercurial",
    },
    "fetchTree": {
        "attribute type": "while evaluating the `type` argument passed to 'fetchTree'@",
        "coerced": "while evaluating the first argument passed to 'fetchTree'",
    },
    "fetchTarball": _FETCHED,
    "fetchurl": _FETCHED,
    "filter": {"result": "while evaluating the return value of the filtering function passed to builtins.filter"},
    "filterSource": {
        "coerced": "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'",
        "result": "while evaluating the return value of the path filter function",
    },
    "findFile": {
        "element 1": "while evaluating an element of the list passed to builtins.findFile",
        "attribute path": "while evaluating the `path` attribute of an element of the list passed to builtins.findFile",
        "attribute prefix": "while evaluating the `prefix` attribute of an element of the list passed to builtins.findFile",
        "no attribute path": "in an element of the __nixPath",
        "no attribute prefix": "in an element of the __nixPath",
    },
    "fromJSON": {"content": "while decoding a JSON string"},
    "genericClosure": {
        "attribute startSet": "while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure",
        "attribute operator": "while evaluating the 'operator' attribute passed as argument to builtins.genericClosure",
        "no attribute startSet": "in the attrset passed as argument to builtins.genericClosure",
        "no attribute operator": "in the attrset passed as argument to builtins.genericClosure",
        "result": "while evaluating the return value of the `operator` passed to builtins.genericClosure",
    },
    "getAttr": {"attributes": "in the attribute set under consideration"},
    "groupBy": {"result": "while evaluating the return value of the grouping function passed to builtins.groupBy"},
    "hashFile": {"coerced": _REALISING, "argument 2": _REALISING},
    "import": {"coerced": _REALISING},
    "listToAttrs": {
        "attributes": "in a {name=...; value=...;} pair",
        "element 1": "while evaluating an element of the list passed to builtins.listToAttrs",
        "attribute name": "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs@",
    },
    "partition": {"result": "while evaluating the return value of the partition function passed to builtins.partition"},
    "path": {
        "attribute filter": "while evaluating the `filter` parameter passed to builtins.path@",
        "attribute name": "while evaluating the `name` attribute passed to builtins.path@",
        "attribute path": "while evaluating the 'path' attribute passed to 'builtins.path'@",
        "attribute recursive": "while evaluating the `recursive` attribute passed to builtins.path@",
        "attribute sha256": "while evaluating the `sha256` attribute passed to builtins.path@",
        "result": "while evaluating the return value of the path filter function",
    },
    "pathExists": {"coerced": _REALISING},
    "readDir": {"coerced": _REALISING},
    "readFile": {"coerced": _REALISING},
    "readFileType": {"coerced": _REALISING},
    "removeAttrs": {"element 2": "while evaluating the values of the second argument passed to builtins.removeAttrs"},
    "replaceStrings": {
        "element 1": "while evaluating one of the strings to replace passed to builtins.replaceStrings",
        "element 2": "while evaluating one of the replacement strings passed to builtins.replaceStrings",
    },
    "scopedImport": {"coerced": _REALISING},
    "sort": {
        "compared": "while evaluating the ordering function passed to builtins.sort",
        "result": "while evaluating the return value of the sorting function passed to builtins.sort",
    },
    "storePath": {"coerced": "while evaluating the first argument passed to 'builtins.storePath'"},
    "substring": {"coerced": _SPECIAL["substring", 3]},
    "throw": {"coerced": "while evaluating the error message passed to builtin.throw"},
    "toPath": {"coerced": "while evaluating the first argument passed to builtins.toPath"},
    "toString": {"coerced": "while evaluating the first argument passed to builtins.toString"},
    "zipAttrsWith": {"element 2": "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith"},
}
# Parts whose line is there for every error inside them, not only for a wrong type: beside the arguments of _WRAPPED_LETTERS, and
# functions. `attribute`: every attribute.
_WRAPPED = frozenset((
    ("appendContext", "attribute path"),
    ("appendContext", "attribute allOutputs"),
    ("appendContext", "elements outputs"),
    ("ceil", "argument 1"),
    ("convertHash", "attribute hash"),
    ("convertHash", "attribute hashAlgo"),
    ("convertHash", "attribute toHashFormat"),
    ("derivationStrict", "attribute name"),
    ("derivationStrict", "attribute __ignoreNulls"),
    ("derivationStrict", "attribute __structuredAttrs"),
    ("fetchMercurial", "attribute name"),
    ("fetchMercurial", "attribute rev"),
    ("fetchTree", "attribute type"),
    *((name, part) for name in ("fetchTarball", "fetchurl") for part in _FETCHED),
    ("filterSource", "argument 1"),
    ("filterSource", "argument 2"),
    ("filter", "argument 1"),
    ("findFile", "argument 2"),
    ("findFile", "attribute prefix"),
    ("floor", "argument 1"),
    ("genList", "argument 1"),
    ("genericClosure", "attribute operator"),
    ("hashFile", "argument 2"),
    ("hashString", "argument 2"),
    ("import", "argument 1"),
    ("listToAttrs", "attribute name"),
    ("map", "argument 1"),
    ("match", "argument 2"),
    ("path", "attribute filter"),
    ("path", "attribute name"),
    ("path", "attribute path"),
    ("path", "attribute recursive"),
    ("path", "attribute sha256"),
    ("readDir", "argument 1"),
    ("readFile", "argument 1"),
    ("readFileType", "argument 1"),
    ("removeAttrs", "element 2"),
    ("replaceStrings", "element 1"),
    ("replaceStrings", "element 2"),
    ("replaceStrings", "argument 3"),
    ("scopedImport", "argument 2"),
    ("sort", "argument 1"),
    ("split", "argument 2"),
    ("storePath", "argument 1"),
    ("substring", "argument 2"),
    ("toPath", "argument 1"),
))


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


def is_wrapped(name: str, part: str) -> bool:
    """Whether the line is there for every error inside the part, not only for a wrong type."""
    from snowsnake.builtins.registry import forces

    if (name, part) in _WRAPPED:
        return True
    argument = _argument_of(part)
    return argument > 0 and forces(name)[argument - 1 : argument] in tuple(_WRAPPED_LETTERS)


def part_text(name: str, part: str) -> str | None:
    """The line for a part of a builtin's input.

    >>> part_text("all", "result"), part_text("head", "argument 1")
    ('while evaluating the return value of the function passed to builtins.all', "while evaluating the first argument passed to 'builtins.head'")
    """
    texts = _PARTS.get(name, {})
    if part in texts:
        return texts[part]
    argument = 1 if part == "function" else _argument_of(part)
    if argument:
        return argument_text(name, argument)
    return texts.get("attribute") if part.startswith("attribute ") else None


def _argument_of(part: str) -> int:
    return int(part.removeprefix("argument ")) if part.startswith("argument ") else 0
