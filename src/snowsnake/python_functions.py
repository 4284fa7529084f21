"""What a function of Python looks like to Nix: how many arguments, and what they become.

* A parameter with an annotation gets its argument decoded (`snowsnake.decoding`), strictly; `Value`, or no annotation, means the lazy value.
  Functions that are not written in Python have no annotations and get plain data.
* `def f(a, b)` is `a: b: …`; parameters with defaults are not arguments of Nix.
* `def f(*, a, b=1)` is `{ a, b ? … }: …`, and says so to `builtins.functionArgs`; `**rest` is `...`.
* A function without parameters is a value: it is called when the value is needed.

In: a function, and later handles of its arguments.  Out: a `PythonFunction`, and what it returns as plain data.
"""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import exact
from snowsnake.python_values import plain
from snowsnake.values import Value, wrap

if TYPE_CHECKING:
    from snowsnake.handle import Handle

    # This stands for `api.Evaluator`, whose module imports this one.
    Evaluator = Any

_MOST_PARAMETERS = 100
# If no type says what an argument becomes, it is the lazy value, or what `to_python` returns.
_LAZY = object()
_PLAIN = object()
# These are flags of code objects: CO_VARARGS and CO_VARKEYWORDS; CO_COROUTINE, CO_ITERABLE_COROUTINE and CO_ASYNC_GENERATOR.
_TAKES_REST = 0x0C
_IS_ASYNC = 0x380


class PythonFunction:
    """A function of Python that is called with handles and returns plain data."""

    __slots__ = ("function", "evaluator", "targets", "arity", "formals", "names", "has_rest")

    def __init__(self, function: "Callable[..., Any]", evaluator: "Evaluator") -> None:
        self.function = function
        self.evaluator = weakref.ref(evaluator)
        self.names: dict[str, object] = {}
        self.formals: dict[str, bool] | None = None
        self.has_rest = False
        code = getattr(function, "__code__", None)
        if code is not None and type(function).__name__ == "function" and not function.__annotations__ and not code.co_kwonlyargcount \
                and not code.co_flags & (_TAKES_REST | _IS_ASYNC):  # fmt: skip
            # Most functions are like this; `inspect` would take longer than all the rest.
            defaults = function.__defaults__ or ()
            self.targets: list[object] = [_LAZY] * (code.co_argcount - len(defaults))
        else:
            self._inspect(function)
        self.arity = len(self.targets)
        if self.arity > _MOST_PARAMETERS:
            raise TypeError(f"a function of more than {_MOST_PARAMETERS} parameters has no Nix form")

    def _inspect(self, function: "Callable[..., Any]") -> None:
        import inspect

        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("Nix calls functions without waiting: pass one that is not async")
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except ValueError:
            # Some functions that are built in have no signature.
            self.targets = [_PLAIN]
            return
        hints = _hints(function)
        is_native = not hasattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__") and not isinstance(function, type)
        default = _PLAIN if is_native else _LAZY
        if isinstance(function, type):
            hints = hints or {p.name: p.annotation for p in parameters if not isinstance(p.annotation, str)}
        elif not hints and not hasattr(function, "__annotations__"):
            call = type(function).__call__
            hints = _hints(call) if hasattr(call, "__code__") else {}
            default = _LAZY if hasattr(call, "__code__") else default
        self.targets = []
        for parameter in parameters:
            target = hints.get(parameter.name, parameter.empty)
            target = default if target is parameter.empty else _LAZY if target is Value else target
            if parameter.kind is parameter.VAR_POSITIONAL:
                raise TypeError(f"a Nix function takes a known number of arguments: {_shown(function)} takes *{parameter.name}")
            if parameter.kind is parameter.VAR_KEYWORD:
                self.has_rest = True
            elif parameter.kind is parameter.KEYWORD_ONLY:
                self.names[parameter.name] = target
                self.formals = {**(self.formals or {}), parameter.name: parameter.default is not parameter.empty}
            elif parameter.default is parameter.empty:
                self.targets.append(target)
        if self.has_rest and self.formals is None and not self.targets:
            self.formals = {}
        if self.formals is not None and self.targets:
            raise TypeError(f"{_shown(function)} takes arguments and names: a Nix function takes one or the other")

    def __call__(self, handles: "list[Handle]") -> Any:
        evaluator = self.evaluator()
        # A program may keep values, but not their evaluator.
        if evaluator is None:
            raise RuntimeError("the Evaluator of this function is gone: keep it while its values are used")
        evaluator._calls += 1
        try:
            # Nix calls a function with named parameters as a functor: the first argument is the set itself.
            if self.formals is not None:
                return plain(self.function(**self._named(wrap(handles[1], evaluator), evaluator)), evaluator)
            if self.arity == 0:
                return plain(self.function(), evaluator)
            arguments = [_converted(handle, target, evaluator) for handle, target in zip(handles, self.targets, strict=True)]
            return plain(self.function(*arguments), evaluator)
        finally:
            evaluator._calls -= 1

    def _named(self, given: Value, evaluator: "Evaluator") -> dict[str, object]:
        if given.type != "set":
            raise EvaluationError("type", f"expected a set but found {given._handle.describe()}")
        found: dict[str, Any] = {}
        for name, has_default in (self.formals or {}).items():
            if name in given:
                found[name] = _converted(given[name]._handle, self.names[name], evaluator)
            elif not has_default:
                raise EvaluationError("missing-argument", f"function '{_shown(self.function)}' called without required argument '{name}'")
        for name in given.keys():
            if name not in self.names:
                if not self.has_rest:
                    raise EvaluationError("unexpected-argument", f"function '{_shown(self.function)}' called with unexpected argument '{name}'")
                found[name] = given[name]
        return found


def _hints(function: object) -> dict[str, Any]:
    """The types that annotations name; none if one of them cannot be found."""
    import typing

    try:
        return typing.get_type_hints(function, include_extras=True)
    except (TypeError, NameError):
        return {}


def _converted(handle: "Handle", target: object, evaluator: "Evaluator") -> Any:
    value = wrap(handle, evaluator)
    if target is _LAZY:
        return value
    return value.to_python() if target is _PLAIN else value.decode(target)


def _shown(function: object) -> str:
    name = exact(getattr(function, "__name__", None))
    return name if type(name) is str and name else type(function).__name__
