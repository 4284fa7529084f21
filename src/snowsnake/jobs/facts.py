"""Facts about a derivation's set: name, outputs, system, metadata; they are queried in the same way as in C++ Nix's `PackageInfo`.

In: handles.  Out: Python data; errors in 2.34.8's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from snowsnake.diagnostics.error import EvaluationError, Frame, depth_error
from snowsnake.selection import MOST_LEVELS, drv_path_of, store_path_of

if TYPE_CHECKING:
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle


@contextmanager
def noted(text: str, value: Handle | None = None) -> Iterator[None]:
    """Adds a line to the trace of errors inside the block, which says why a value was evaluated; of a *value*, only that it is refused has the line."""
    if value is not None:
        value.force()
    try:
        yield
    except EvaluationError as error:
        error.trace.insert(0, Frame("context", text, None))
        raise


def attribute(value: Handle, name: bytes) -> Any:
    """An attribute of a set, or None."""
    try:
        return value.select(name)
    except KeyError:
        return None


def text_of(value: Handle) -> str:
    return str(value.string(), "utf-8", "replace")


def boolean(value: Handle) -> bool:
    if value.type_name() != "bool":
        raise EvaluationError("type", f"expected a Boolean but found {value.describe()}")
    return bool(value.to_python())


def name_of(value: Handle) -> str:
    name = attribute(value, b"name")
    if name is None:
        raise EvaluationError("type", "derivation name missing")
    with noted("while evaluating the 'name' attribute of a derivation"):
        return text_of(name)


def system_of(value: Handle) -> str:
    system = attribute(value, b"system")
    if system is None:
        return "unknown"
    with noted("while evaluating the 'system' attribute of a derivation"):
        return text_of(system)


def drv_path(value: Handle, store_dir: str) -> str:
    """The path of the derivation that a set represents."""
    found = attribute(value, b"drvPath")
    if found is None:
        raise EvaluationError("type", "derivation does not contain a 'drvPath' attribute")
    with noted("while evaluating the 'drvPath' attribute of a derivation", found):
        return drv_path_of(found, store_dir)


def outputs_of(value: Handle, store_dir: str, *, may_float: bool) -> dict[str, str | None]:
    """The names and paths of the outputs.  With `may_float`, an output whose path is only known after building has None."""
    try:
        return _outputs(value, store_dir)
    except EvaluationError:
        if not may_float:
            raise
        return dict.fromkeys(_output_names(value)) if attribute(value, b"outputs") is not None else {"out": None}


def _output_names(value: Handle) -> list[str]:
    listed = value.select(b"outputs")
    with noted("while evaluating the 'outputs' attribute of a derivation", listed):
        if listed.type_name() != "list":
            raise EvaluationError("type", f"expected a list but found {listed.describe()}")
    with noted("while evaluating the name of an output of a derivation"):
        return [text_of(listed.index(number)) for number in range(len(listed))]


def _outputs(value: Handle, store_dir: str) -> dict[str, str | None]:
    if attribute(value, b"outputs") is None:
        path = attribute(value, b"outPath")
        if path is None:
            raise EvaluationError("type", "derivation does not have attribute 'outPath'")
        with noted("while evaluating the output path of a derivation", path):
            return {"out": store_path_of(path, store_dir)}
    found: dict[str, str | None] = {}
    for name in _output_names(value):
        output = attribute(value, name.encode("utf-8", "surrogateescape"))
        if output is None:
            continue
        with noted("while evaluating an output of a derivation", output):
            if output.type_name() != "set":
                # This call raises the error that says that it is not a set.
                output.keys()
        path = attribute(output, b"outPath")
        if path is None:
            continue
        with noted("while evaluating an output path of a derivation", path):
            found.setdefault(name, store_path_of(path, store_dir))
    return found


def meta_of(value: Handle) -> dict[str, Json] | None:
    """The metadata that JSON can represent; None if there is none."""
    import json

    meta = attribute(value, b"meta")
    if meta is None:
        return None
    with noted("while evaluating the 'meta' attribute of a derivation"):
        names = meta.keys()
    found = {}
    for name in sorted(names):
        entry = meta.select(name)
        if _is_plain(entry):
            found[name.decode("utf-8", "replace")] = json.loads(entry.to_json())
    return found or None


def _is_plain(root: Handle) -> bool:
    """Whether a value consists of numbers, strings and Booleans only, without a derivation inside."""
    work = [(root, 0)]
    while work:
        value, level = work.pop()
        if level > MOST_LEVELS:
            raise depth_error()
        kind = value.type_name()
        if kind == "list":
            work += [(value.index(number), level + 1) for number in reversed(range(len(value)))]
        elif kind == "set":
            names = value.keys()
            if b"outPath" in names:
                return False
            work += [(value.select(name), level + 1) for name in reversed(names)]
        elif kind not in ("int", "bool", "string", "float"):
            return False
    return True
