"""Classes of errors by kind, for `except`: one for each code of the catalogue that a program may want to tell apart.

`EvaluationError(code, …)` makes an object of the class that the code has here.  This module is imported when there is an error.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FetchError as FetchError
from snowsnake.diagnostics.flake_kinds import FlakeError as FlakeError
from snowsnake.diagnostics.flake_kinds import FlakeNotFetched as FlakeNotFetched


class Throw(EvaluationError):
    """The program called `builtins.throw`."""


class AssertionFailed(EvaluationError):
    """The condition of an `assert` was false."""


class NotInSearchPath(EvaluationError):
    """`<name>` is not in the search path."""


class Abort(EvaluationError):
    """The program called `builtins.abort`."""


class TypeMismatch(EvaluationError):
    """A value of the wrong type: the message says what was expected and what was found."""


class MissingAttribute(EvaluationError, KeyError):
    """A set has no attribute of that name; `suggestions` are names that look alike."""


class ArgumentMismatch(TypeMismatch):
    """A function was called without an argument that it needs, or with one that it does not take."""


class NotAFunction(TypeMismatch):
    """A value was called that is not a function."""


class InfiniteRecursion(EvaluationError):
    """A value needs itself."""


class LimitReached(EvaluationError):
    """A limit ended the evaluation; `code` says which: `depth`, `memory` or `timeout`.  The evaluator can be used again."""


class Cancelled(EvaluationError):
    """Somebody stopped the evaluation: `Evaluator.cancel`, or a task that was cancelled."""


class ArithmeticFault(EvaluationError, ArithmeticError):
    """A division by zero, or a result that does not fit 64 bits."""


class OutOfRange(EvaluationError, IndexError):
    """An index outside a list, or an impossible size."""


class MalformedValue(EvaluationError, ValueError):
    """A value of the right type whose content is not accepted."""


class ContextNotAllowed(EvaluationError):
    """A string refers to a store path where that reference would be lost."""


class FileFault(EvaluationError):
    """A file or folder is not there, or cannot be read."""


class AccessForbidden(EvaluationError):
    """Pure or restricted evaluation does not allow it."""


class SyntaxFault(EvaluationError):
    """The source cannot be compiled; `faults` has all faults, this one first."""

    @property
    def faults(self) -> list[EvaluationError]:
        """Every fault of the source, in the order of their places."""
        return [self, *self.others]


class UndefinedVariable(SyntaxFault):
    """A name that no scope defines; `suggestions` are names that look alike."""


class PythonFault(EvaluationError):
    """A Python function raised an exception, which its caller sees; this replaces it where the exception cannot be made."""


class InternalFault(EvaluationError):
    """Our bug, not the program's."""


BY_CODE: dict[str, type[EvaluationError]] = {
    "throw": Throw,
    "assertion": AssertionFailed,
    "search-path": NotInSearchPath,
    "abort": Abort,
    "type": TypeMismatch,
    "missing-attribute": MissingAttribute,
    "undefined-variable": UndefinedVariable,
    "missing-argument": ArgumentMismatch,
    "unexpected-argument": ArgumentMismatch,
    "not-a-function": NotAFunction,
    "infinite-recursion": InfiniteRecursion,
    "depth": LimitReached,
    "memory": LimitReached,
    "timeout": LimitReached,
    "interrupt": Cancelled,
    "division-by-zero": ArithmeticFault,
    "overflow": ArithmeticFault,
    "range": OutOfRange,
    "value": MalformedValue,
    "context": ContextNotAllowed,
    "file": FileFault,
    "access": AccessForbidden,
    "syntax": SyntaxFault,
    "duplicate-attribute": SyntaxFault,
    "python": PythonFault,
    "internal": InternalFault,
}
NAMES = tuple(name for name, kind in list(globals().items()) if isinstance(kind, type) and issubclass(kind, EvaluationError))
