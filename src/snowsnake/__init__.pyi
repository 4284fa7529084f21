"""What `import snowsnake` has, for type checkers: the names of `__init__.py`, which are imported when they are first used."""
# ruff: noqa: I001

from snowsnake.api import (
    DerivationView as DerivationView,
    EvaluationError as EvaluationError,
    Evaluator as Evaluator,
    ListValue as ListValue,
    Raw as Raw,
    SetValue as SetValue,
    Value as Value,
    compile as compile,
    evaluate as evaluate,
    evaluate_file as evaluate_file,
    parse as parse,
)
from snowsnake.decoding.error import (
    DecodeError as DecodeError,
)
from snowsnake.decoding.query import (
    QueryResult as QueryResult,
)
from snowsnake.diagnostics.kinds import (
    Abort as Abort,
    AccessForbidden as AccessForbidden,
    ArgumentMismatch as ArgumentMismatch,
    ArithmeticFault as ArithmeticFault,
    AssertionFailed as AssertionFailed,
    Cancelled as Cancelled,
    ContextNotAllowed as ContextNotAllowed,
    FetchError as FetchError,
    FileFault as FileFault,
    FlakeError as FlakeError,
    FlakeNotFetched as FlakeNotFetched,
    InfiniteRecursion as InfiniteRecursion,
    InternalFault as InternalFault,
    LimitReached as LimitReached,
    MalformedValue as MalformedValue,
    MissingAttribute as MissingAttribute,
    NotAFunction as NotAFunction,
    NotInSearchPath as NotInSearchPath,
    OutOfRange as OutOfRange,
    PythonFault as PythonFault,
    SyntaxFault as SyntaxFault,
    Throw as Throw,
    TypeMismatch as TypeMismatch,
    UndefinedVariable as UndefinedVariable,
)
from snowsnake.nix_printing import (
    from_nix as from_nix,
    to_nix as to_nix,
)
from snowsnake.waiting import (
    EvaluatorPool as EvaluatorPool,
)

__version__: str
NIX_VERSION: str
__all__: list[str]

Derivation = DerivationView
