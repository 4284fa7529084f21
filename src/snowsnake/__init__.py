"""Snowsnake evaluates the Nix language.

>>> import snowsnake
>>> snowsnake.evaluate("map (x: x * x) [ 1 2 3 ]").to_python()
[1, 4, 9]

The names below are imported at first use, so that `import snowsnake` and the commands start fast.
Type checkers read `__init__.pyi`.
"""

import sys

if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
    # A free-threaded Python turns its lock on for this package (docs/decisions/api.md), and would say so on stderr.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        import snowsnake._native as _native
else:
    import snowsnake._native as _native
from snowsnake.version import VERSION as __version__

# The module of each name, which is imported when the name is first used.
_KINDS = (
    "Abort AccessForbidden ArgumentMismatch ArithmeticFault AssertionFailed Cancelled ContextNotAllowed FetchError FileFault FlakeError FlakeNotFetched "
    "InfiniteRecursion InternalFault LimitReached MalformedValue MissingAttribute NotAFunction NotInSearchPath OutOfRange PythonFault SyntaxFault "
    "Throw TypeMismatch UndefinedVariable"
)
_API = "Derivation EvaluationError Evaluator ListValue Raw SetValue Value compile evaluate evaluate_file parse"
_PLACES = dict.fromkeys(_KINDS.split(), "diagnostics.kinds") | dict.fromkeys(_API.split(), "api") | {
    "NIX_VERSION": "version",
    "DecodeError": "decoding.error",
    "EvaluatorPool": "waiting",
    "QueryResult": "decoding.query",
    "from_nix": "nix_printing",
    "to_nix": "nix_printing",
}

__all__ = [*_PLACES, "__version__"]


class _Compiled:
    """Finds the compiled modules, which are in one shared object, and packages without code of their own (tools/native.c)."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith("snowsnake."):
            return None
        is_package = _native.is_package(name)
        if is_package is None:
            return None
        if not is_package:
            return type(__spec__)(name, _Compiled, origin=_native.__file__)
        folder = __path__[0] + name.removeprefix("snowsnake").replace(".", "/")
        spec = type(__spec__)(name, _Compiled, origin=folder + "/__init__.py", is_package=True)
        spec.has_location = True
        spec.submodule_search_locations.append(folder)
        return spec

    create_module = staticmethod(_native.create)
    exec_module = staticmethod(_native.execute)


_native.use(_Compiled)
sys.meta_path.insert(0, _Compiled)


def __getattr__(name):
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'snowsnake' has no attribute {name!r}")
    __import__(f"snowsnake.{place}")
    value = getattr(sys.modules[f"snowsnake.{place}"], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
