"""Rows of the builtins that control evaluation (control.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "seq",
        "first second",
        "v.",
        cost="1",
        doc="Forces *first*, then returns *second*. Only the outermost constructor of *first* is evaluated: the elements "
        "of a list and the attributes of a set are not.",
        example='builtins.seq [ (throw "unused") ] 2 => 2',
    ),
    BuiltinRow(
        "deepSeq",
        "first second",
        "v.",
        framed=True,
        cost="n",
        of="the values inside *first*",
        doc="Forces *first* with all its elements and attributes, at any depth, then returns *second*. A value is visited "
        "once, so *first* may be cyclic. A call takes O(size of the value).",
        example="builtins.deepSeq { a = [ 1 2 ]; } 3 => 3",
    ),
    BuiltinRow(
        "break",
        "value",
        ".",
        is_global=True,
        cost="1",
        doc="Returns *value*. Evaluation would stop here first under a debugger.",
        example="builtins.break 1 => 1",
    ),
    BuiltinRow(
        "throw",
        "message",
        "v",
        framed=True,
        is_global=True,
        cost="1",
        doc="Raises an error with *message*, which is coerced to a string as in interpolation. `tryEval` catches this "
        "error.",
        example='builtins.tryEval (throw "no") => { success = false; value = false; }',
        phrases={
            "argument 1": "while evaluating the error message passed to builtin.throw",
            "coerced": "while evaluating the error message passed to builtin.throw",
        },
    ),
    BuiltinRow(
        "abort",
        "message",
        "v",
        framed=True,
        is_global=True,
        cost="1",
        doc="Ends the evaluation with *message*, which is coerced to a string as in interpolation. Nothing catches this "
        "error.",
        example='builtins.tryEval (x: abort "unused") != { } => true',
        phrases={
            "argument 1": "while evaluating the error message passed to builtins.abort",
            "coerced": "while evaluating the error message passed to builtins.abort",
        },
    ),
    BuiltinRow(
        "tryEval",
        "value",
        ".",
        framed=True,
        cost="1",
        doc="Forces *value*, not deeply, and returns `{ success = true; value = …; }`. Returns `{ success = false; value "
        "= false; }` if that raised an error that can be caught: by `throw`, by a failed `assert`, or by a `<path>` "
        "that is not in the search path. All other errors pass.",
        example="builtins.tryEval (1 + 1) => { success = true; value = 2; }",
    ),
    BuiltinRow(
        "addErrorContext",
        "message value",
        "..",
        framed=True,
        cost="1",
        doc="Returns *value*. If the evaluation of *value* fails, the trace of the error has a line with *message*, which "
        "is only evaluated in that case.",
        example='builtins.addErrorContext (throw "unused") 1 => 1',
        phrases={"coerced": "while evaluating the error message passed to builtins.addErrorContext"},
    ),
    BuiltinRow(
        "trace",
        "message value",
        "v.",
        cost="1",
        doc="Writes `trace: ` and *message* to standard error, then returns *value*. A string is written as it is, any "
        "other value as Nix text in which nothing more is forced.",
        example='builtins.trace "seen" 1 => 1',
    ),
    BuiltinRow(
        "traceVerbose",
        "message value",
        "..",
        framed=True,
        cost="1",
        doc="Does what `trace` does if the option `trace-verbose` is set. Otherwise it returns *value* and does not "
        "evaluate *message*.",
        example='builtins.traceVerbose (throw "unused") 1 => 1',
    ),
    BuiltinRow(
        "warn",
        "message value",
        "s.",
        cost="1",
        doc="Writes `evaluation warning: ` and *message*, which must be a string, to standard error, then returns "
        "*value*.",
        example='builtins.warn "old" 1 => 1',
        phrases={"argument 1": "while evaluating the first argument; the message passed to builtins.warn"},
    ),
)
