"""Snowsnake evaluates the Nix language.

>>> import snowsnake
>>> snowsnake.evaluate("map (x: x * x) [ 1 2 3 ]").to_python()
[1, 4, 9]

The names below are imported at first use, so that `import snowsnake` and the commands start fast.
Type checkers read `__init__.pyi`.
"""

import sys
from _frozen_importlib_external import PathFinder, SourceFileLoader
from posix import stat

if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
    # A free-threaded Python turns its lock on for this package (docs/decisions/api.md), and would say so on stderr.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        import snowsnake._native as _native
else:
    import snowsnake._native as _native

# These are the versions of Snowsnake, and of the Nix that it is compatible with.  Every start would have to read a file of their own.
__version__ = "0.1.0"
NIX_VERSION = "2.34.8"

# `_PLACES` maps each name to its module, which is imported when the name is first used.
_KINDS = (
    "Abort AccessForbidden ArgumentMismatch ArithmeticFault AssertionFailed Cancelled ContextNotAllowed FetchError FileFault FlakeError FlakeNotFetched "
    "InfiniteRecursion InternalFault LimitReached MalformedValue MissingAttribute NotAFunction NotInSearchPath OutOfRange PythonFault SyntaxFault "
    "Throw TypeMismatch UndefinedVariable"
)
_API = "DerivationView EvaluationError Evaluator ListValue Raw SetValue Value compile evaluate evaluate_file parse"
_PLACES = dict.fromkeys(_KINDS.split(), "diagnostics.kinds") | dict.fromkeys(_API.split(), "api") | {
    "DecodeError": "decoding.error",
    "EvaluatorPool": "waiting",
    "QueryResult": "decoding.query",
    "from_nix": "nix_printing",
    "to_nix": "nix_printing",
}

__all__ = [*_PLACES, "NIX_VERSION", "__version__"]


def _source_spec(name):
    """The spec of a module of Python, which is a file or a package; None if there is none.

    The interpreter's own finder would list each folder first, which is a twentieth of the start of a command.
    """
    place = __path__[1] + name.removeprefix("snowsnake").replace(".", "/")
    try:
        path = place + ".py"
        stat(path)
    except OSError:
        try:
            path = place + "/__init__.py"
            stat(path)
        except OSError:
            return None
    loader = SourceFileLoader(name, path)
    spec = type(__spec__)(name, loader, origin=path)
    if path.endswith("/__init__.py"):
        spec.submodule_search_locations = [_native.__file__, place]
    spec.has_location = True
    return spec


class _Compiled:
    """Finds the compiled modules, which are in one shared object, and packages without code of their own (tools/native.c).

    The shared object is an entry of each package's `__path__`, as an archive would be: the interpreter's own finder asks this one for it.
    """

    @staticmethod
    def of_entry(entry):
        if entry != _native.__file__:
            raise ImportError
        return _Compiled

    @staticmethod
    def find_spec(name, target=None):
        spec = _native.find_spec(name)
        if spec is not None and spec is not True:
            return spec
        found = _source_spec(name)
        if found is None and spec is True:
            folder = __path__[1] + name.removeprefix("snowsnake").replace(".", "/")
            found = PathFinder.find_spec(name, [folder.rpartition("/")[0]])
            found.submodule_search_locations.insert(0, _native.__file__)
        return found

    create_module = staticmethod(_native.create)
    exec_module = staticmethod(_native.execute)


_native.use(_Compiled, type(__spec__), _native.__file__)
__path__.insert(0, _native.__file__)
# Otherwise `zipimport` would look into the file first.
sys.path_importer_cache[_native.__file__] = _Compiled
# Programs that empty that cache need this hook.
sys.path_hooks.append(_Compiled.of_entry)


def __getattr__(name):
    if name == "Derivation":
        import warnings

        warnings.warn("snowsnake.Derivation is called DerivationView now", DeprecationWarning, stacklevel=2)
        name = "DerivationView"
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'snowsnake' has no attribute {name!r}")
    __import__(f"snowsnake.{place}")
    value = getattr(sys.modules[f"snowsnake.{place}"], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
