"""Snowsnake evaluates the Nix language.

>>> import snowsnake
>>> snowsnake.evaluate("map (x: x * x) [ 1 2 3 ]").to_python()
[1, 4, 9]

The names below are imported from `snowsnake.api` at first use, so that `import snowsnake` and the commands start fast.
"""

import sys

import snowsnake._native as _native
from snowsnake.version import NIX_VERSION
from snowsnake.version import VERSION as __version__

# For type checkers, which know the name; importing `typing` would cost every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.api import EvaluationError, Evaluator, Value, compile, evaluate, evaluate_file, parse

__all__ = [
    "NIX_VERSION",
    "EvaluationError",
    "Evaluator",
    "Value",
    "__version__",
    "compile",
    "evaluate",
    "evaluate_file",
    "parse",
]


class _Compiled:
    """Finds the compiled modules, which one shared object holds (tools/native.c)."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith("snowsnake.") or not _native.has(name):
            return None
        return type(__spec__)(name, _Compiled, origin=_native.__file__)

    create_module = staticmethod(_native.create)
    exec_module = staticmethod(_native.execute)


_native.use(_Compiled)
sys.meta_path.insert(0, _Compiled)


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'snowsnake' has no attribute {name!r}")
    from snowsnake import api

    value = getattr(api, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
