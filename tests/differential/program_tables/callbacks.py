"""Programs in which a builtin calls a builtin: each that takes a function, with each as that function.

A builtin that calls another one gets its result without a frame of code between them, so both must agree on the form of a value:
whether it is evaluated, and which word represents it.  In: the table of builtins.  Out: expressions, the same each time, until the table grows.
"""

from collections.abc import Iterator

from snowsnake.builtins.table import TABLE

# These are not given as functions: they read the network, the clock or the surroundings, or would copy whatever folder they get; and `break`.
NOT_GIVEN = {"break", "currentTime", "getEnv", "fetchTree", "getFlake", "storePath", "path", "filterSource", "fetchClosure", "outputOf",
             "derivation", "derivationStrict", "parseFlakeRef", "flakeRefToString", "import", "scopedImport"}  # fmt: skip
# An argument for each letter of `forces`; values that an evaluator would leave unevaluated as long as it can.
ARGUMENTS = {"i": "1", "n": "1", "b": "(1 == 1)", "l": "([ 1 ] ++ [ 2 ])", "a": "({ ok = builtins.elem 1 [ 1 ]; } // { v = [ ] ++ [ ]; })", "f": "(x: x)",
             "s": '("o" + "k")', "S": '("o" + "k")', "c": '("o" + "k")', "p": '("/" + "ok")', "v": "([ ] ++ [ ])", ".": "([ ] ++ [ 1 ])"}  # fmt: skip
ARGUMENTS["A"] = ARGUMENTS["a"]
# Other arguments that fit a builtin, where the letters say little.
FITTING = {"elemAt": ["[ [ true ] [ ] ]", "0"], "match": ['"(o)(k)"', '"ok"'], "split": ['"k"', '"ok"'], "hashString": ['"md5"', '"ok"'],
           "add": ["1", "2"], "sub": ["1", "2"], "mul": ["2", "3"], "div": ["4", "2"], "lessThan": ["1", "2"],
           "substring": ["0", "1", '"ok"'], "replaceStrings": ['[ "o" ]', '[ "i" ]', '"ok"'], "concatStringsSep": ['","', '[ "o" "k" ]'],
           "concatLists": ["[ [ 1 ] [ 2 ] ]"], "foldl'": ["builtins.add", "0", "[ 1 2 ]"], "sort": ["builtins.lessThan", "[ 2 1 ]"],
           "removeAttrs": ["{ ok = 1; b = [ ] ++ [ ]; }", '[ "ok" ]'], "listToAttrs": ['[ { name = "ok"; value = [ ] ++ [ ]; } ]'],
           "catAttrs": ['"ok"', "[ { ok = [ ] ++ [ ]; } ]"], "zipAttrsWith": ["(n: v: v)", "[ { ok = [ ] ++ [ ]; } ]"],
           "mapAttrs": ["(n: v: v)", "{ ok = [ ] ++ [ ]; }"], "map": ["(x: x)", "[ ([ ] ++ [ ]) ]"], "filter": ["(x: true)", "[ ([ ] ++ [ ]) ]"],
           "partition": ["(x: true)", "[ 1 ]"], "any": ["(x: true)", "[ 1 ]"], "all": ["(x: true)", "[ 1 ]"], "genList": ["(x: x)", "2"],
           "concatMap": ["(x: [ x ])", "[ 1 ]"], "groupBy": ['(x: "ok")', "[ 1 ]"], "genericClosure": ["{ startSet = [ { key = 1; ok = [ ] ++ [ ]; } ]; operator = x: [ ]; }"],
           "throw": ['("o" + "k")'], "abort": ['("o" + "k")'], "toJSON": ["[ ]"], "fromJSON": ['"[ true ]"'], "fromTOML": ['"ok = [ ]"'],
           "trace": ["1", "([ ] ++ [ 1 ])"], "warn": ['"w"', "([ ] ++ [ 1 ])"], "traceVerbose": ["1", "([ ] ++ [ 1 ])"], "addErrorContext": ['"c"', "([ ] ++ [ 1 ])"],
           "ceil": ["1"], "floor": ["1"], "stringLength": ['"ok"'], "compareVersions": ['"1"', '"2"'], "functionArgs": ["({ ok }: 1)"],
           "dirOf": ['"/o/k"'], "toPath": ['"/ok"'], "convertHash": ['{ hash = "d41d8cd98f00b204e9800998ecf8427e"; hashAlgo = "md5"; toHashFormat = "sri"; }'],
           "hashFile": ['"md5"', "/nothing"], "readFile": ["/nothing"], "readDir": ["/nothing"], "readFileType": ["/nothing"],
           "findFile": ["[ ]", '"ok"'], "appendContext": ['"ok"', "{ }"], "toFile": ['"ok"', '"ok"']}  # fmt: skip
# Elements for all functions: results of other operations, and cells inside.
ELEMENTS = ["(builtins.elem 1 [ 1 ])", '("o" + "k")', "([ 1 ] ++ [ ])", "({ ok = builtins.elem 1 [ 1 ]; } // { })", "(x: x)", "1"]
# Each builtin that takes a function: F is it, X the element or elements.
CALLERS = {
    "map": "map F [ X ]", "filter": "builtins.filter F [ X ]", "partition": "builtins.partition F [ X ]", "any": "builtins.any F [ X ]",
    "all": "builtins.all F [ X ]", "concatMap": "builtins.concatMap F [ X ]", "groupBy": "builtins.groupBy F [ X ]",
    "genList": "builtins.genList F 2", "foldl' 1": "builtins.foldl' (a: F) 0 [ X ]", "foldl' 2": "builtins.foldl' F X [ X ]",
    "sort": "builtins.sort F [ X X ]", "sort 1": "builtins.sort (a: F) [ X X ]", "mapAttrs": "builtins.mapAttrs F { ok = X; }",
    "mapAttrs 1": "builtins.mapAttrs (n: F) { ok = X; }", "zipAttrsWith": "builtins.zipAttrsWith F [ { ok = X; } ]",
    "zipAttrsWith 1": "builtins.zipAttrsWith (n: F) [ { ok = X; } ]",
    "genericClosure": "builtins.genericClosure { startSet = [ { key = 1; v = X; } ]; operator = F; }",
    "genericClosure 1": "builtins.genericClosure { startSet = [ { key = 1; deps = [ { key = 2; v = X; } ]; v = X; } ]; operator = x: F x.v; }",
    "__toString": '"${{ __toString = F; v = X; }}"', "__functor": "({ __functor = F; v = X; }) X", "with": "(with { f = F; }; f X)",
    "or": "(if F X then 1 else 2)", "string": '"${F X}"', "list": "(F X ++ [ 1 ])", "set": "(F X // { a = 1; })",
}  # fmt: skip

# Callers that are code, not builtins.
CODE = {"with", "or", "string", "list", "set", "foldl' 1", "sort 1", "mapAttrs 1", "zipAttrsWith 1", "genericClosure 1"}


def arguments_of(name: str, forces: str) -> list[str]:
    return FITTING.get(name) or [ARGUMENTS[letter] for letter in forces]


def programs() -> Iterator[str]:
    for entry in TABLE.values():
        if not entry.forces or entry.name in NOT_GIVEN or entry.feature or entry.name.startswith(("__", "fetch")):
            continue
        given = arguments_of(entry.name, entry.forces)
        function = " ".join([f"builtins.{entry.name}", *given[:-1]])
        function = f"({function})" if len(given) > 1 else function
        for caller, text in CALLERS.items():
            takes_two = caller in ("foldl' 2", "sort", "mapAttrs", "zipAttrsWith", "__functor")
            callee = f"({' '.join([f'builtins.{entry.name}', *given[:-2]])})" if takes_two and len(given) > 1 else function
            elements = [given[-1], ELEMENTS[(len(entry.name) + len(caller)) % len(ELEMENTS)]]
            if "X" not in text or caller in CODE:
                elements = elements[:1]
            for element in elements:
                yield text.replace("F", callee).replace("X", element)
