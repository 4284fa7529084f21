"""The catalogue of errors: one entry for each `ErrorCode` of machine/state.pxd, in its order.

The fields of `EvaluationError`, JSON logs and the error index (`docs/errors.md`) are made from it.
A stable code never changes its meaning, and no other error ever gets it.
"""


class ErrorKind:
    """One kind of error.

    `name` is the word programs compare with, `stable_code` the number for searching and logs,
    `is_catchable` says that `builtins.tryEval` catches it.
    """

    __slots__ = ("name", "stable_code", "title", "doc", "is_catchable")

    def __init__(self, name: str, stable_code: str, title: str, doc: str, is_catchable: bool = False) -> None:
        self.name = name
        self.stable_code = stable_code
        self.title = title
        self.doc = doc
        self.is_catchable = is_catchable

    def __repr__(self) -> str:
        return f"ErrorKind({self.stable_code} {self.name})"


CATALOGUE: tuple[ErrorKind, ...] = (
    ErrorKind("none", "SN0000", "no error", "Not an error; never reported."),
    ErrorKind(
        "throw",
        "SN0001",
        "thrown error",
        "The program called `builtins.throw`. `builtins.tryEval` catches it.",
        is_catchable=True,
    ),
    ErrorKind(
        "assertion",
        "SN0002",
        "failed assertion",
        "The condition of an `assert` was false. `builtins.tryEval` catches it.",
        is_catchable=True,
    ),
    ErrorKind(
        "search-path",
        "SN0003",
        "file not in the search path",
        "`<name>` was found neither under an entry of the search path (`-I`, `NIX_PATH`) nor among the files that come "
        "with the evaluator. `builtins.tryEval` catches it.",
        is_catchable=True,
    ),
    ErrorKind("abort", "SN0004", "aborted evaluation", "The program called `builtins.abort`, which nothing catches."),
    ErrorKind(
        "type",
        "SN0005",
        "value of the wrong type",
        "An operation or a builtin got a value of a type that it does not take, or a value cannot be coerced. "
        "The message says what was expected and shows, shortened, what was found.",
    ),
    ErrorKind(
        "missing-attribute",
        "SN0006",
        "missing attribute",
        "A set has no attribute of the selected name. Names that look alike are suggested; `a.b or default` has a "
        "value for this case.",
    ),
    ErrorKind(
        "undefined-variable",
        "SN0007",
        "undefined variable",
        "A name is bound by no `let`, `rec`, function or `with` around it, and is not a global builtin.",
    ),
    ErrorKind(
        "missing-argument",
        "SN0008",
        "missing argument",
        "A function with a set pattern was called without an attribute for which the pattern has no default.",
    ),
    ErrorKind(
        "unexpected-argument",
        "SN0009",
        "unexpected argument",
        "A function with a closed set pattern (one without `...`) was called with an attribute that it does not name.",
    ),
    ErrorKind("not-a-function", "SN0010", "call of something that is not a function", "Only functions, and sets with `__functor`, can be called."),
    ErrorKind(
        "infinite-recursion",
        "SN0011",
        "infinite recursion",
        "The value of an expression is needed to compute that same value.",
    ),
    ErrorKind(
        "depth",
        "SN0012",
        "evaluation too deep",
        "More calls and forced values are nested than the depth limit allows. A program that never ends, such as "
        "`(x: x x) (x: x x)`, ends here.",
    ),
    ErrorKind("memory", "SN0013", "memory limit", "The values of the program need more memory than the limit, or than there is."),
    ErrorKind("division-by-zero", "SN0014", "division by zero", "An integer was divided by zero."),
    ErrorKind("overflow", "SN0015", "integer overflow", "The result of integer arithmetic does not fit 64 bits."),
    ErrorKind("range", "SN0016", "out of range", "An index lies outside a list, or a size or count is negative or too large."),
    ErrorKind(
        "value",
        "SN0017",
        "malformed value",
        "An argument has the right type and a content that is not accepted: JSON, TOML, a regular expression, a hash, a "
        "store path name.",
    ),
    ErrorKind(
        "context",
        "SN0018",
        "string context not allowed",
        "A string that refers to a store path is used where that reference would be lost.",
    ),
    ErrorKind("file", "SN0019", "file error", "A file or directory does not exist, is of the wrong type, or cannot be read."),
    ErrorKind(
        "access",
        "SN0020",
        "access forbidden",
        "Pure or restricted evaluation does not allow reading this path or variable.",
    ),
    ErrorKind("syntax", "SN0021", "syntax error", "The source is not an expression of the Nix language."),
    ErrorKind(
        "duplicate-attribute",
        "SN0022",
        "attribute defined twice",
        "Two definitions in one set or `let` bind the same name, and cannot be merged.",
    ),
    ErrorKind("interrupt", "SN0023", "interrupted", "The evaluation was stopped from outside, for example with Ctrl-C."),
    ErrorKind("timeout", "SN0024", "out of time", "The evaluation took longer than its time limit."),
    ErrorKind(
        "python",
        "SN0026",
        "exception of a Python function",
        "A function that the program got from Python raised an exception. Python sees that exception itself. This error "
        "takes its place where the exception cannot be shown, in a rendered trace for example.",
    ),
    ErrorKind(
        "internal",
        "SN0025",
        "fault of the evaluator",
        "Our bug, not the program's: please report it with the expression that shows it.",
    ),
)
