"""`flake show`: the tree of outputs as text and as JSON, as C++ Nix 2.34 prints them.

In: the root of a tree of outputs.  Out: lines, or data.  An output that fails is an error only when everything else was shown.
"""

from snowsnake.cli.output import Reporter
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.flake.output_tree import (
    APP,
    CONFIGURATION,
    DERIVATION,
    FOLDER,
    HIDDEN,
    MODULE,
    NOT_A_DERIVATION,
    OMITTED,
    OVERLAY,
    TEMPLATE,
    Output,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_LAST, _MORE, _NONE, _LINE = "└───", "├───", "    ", "│   "
_WORDS = {OVERLAY: "Nixpkgs overlay", MODULE: "NixOS module", CONFIGURATION: "NixOS configuration"}
_WARNING, _GREEN = "\x1b[35;1m", "\x1b[32;1m"


def show_json(root: Output, reporter: Reporter) -> "dict[str, Any]":
    """The tree as data."""
    found: dict[str, Any] = {}
    stack: list[tuple[dict[str, Any], Iterator[Output]]] = [(found, _children(root))]
    while stack:
        data, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            continue
        reporter.progress(f"evaluating '{child.dotted_path}'...")
        inner: dict[str, Any] = {}
        data[child.name] = inner
        try:
            if child.needs_building:
                reporter.warning(f"{child.dotted_path} omitted due to use of import from derivation")
                continue
            kind = child.kind
            if kind == OMITTED:
                reporter.warning(f"{child.dotted_path} omitted (use '{child.reason}' to show)")
            elif kind == NOT_A_DERIVATION:
                reporter.warning(f"{child.dotted_path}.name is not a derivation")
            elif kind == HIDDEN:
                continue
            elif kind != FOLDER:
                inner.update(child.to_data())
            else:
                stack.append((inner, _children(child)))
        except EvaluationError:
            if child.path[0] != "legacyPackages":
                raise
    return found


def _children(output: Output) -> "Iterator[Output]":
    """All at once: they are counted before the first is shown."""
    return iter(list(output.children()))


def show_text(root: Output, title: str, call, reporter: Reporter, line: "Callable[[str], None]") -> None:
    """The tree as lines."""
    line(call.bold(title))
    failures: list[EvaluationError] = []
    stack: list[tuple[str, list[Output]]] = [("", list(root.children()))]
    while stack:
        prefix, children = stack[-1]
        if not children:
            stack.pop()
            continue
        child = children.pop(0)
        reporter.progress(f"evaluating '{child.dotted_path}'...")
        header = call.painted(_GREEN, prefix + (_MORE if children else _LAST)) + call.bold(child.name)
        try:
            if child.needs_building:
                line(header + " " + call.painted(_WARNING, "omitted due to use of import from derivation"))
            elif child.kind == FOLDER:
                inner = list(child.children())
                line(header)
                stack.append((prefix + (_LINE if children else _NONE), inner))
            elif child.kind == HIDDEN:
                continue
            elif child.kind == NOT_A_DERIVATION:
                reporter.warning(f"{child.dotted_path}.name is not a derivation")
            else:
                line(header + _described(child, call))
        except EvaluationError as error:
            if child.path[0] == "legacyPackages":
                continue
            line(header + ": " + call.painted(_WARNING, "failed"))
            failures.append(error)
    if failures:
        for failure in failures[:-1]:
            reporter.error(failure)
        raise failures[-1]


def _described(output: Output, call) -> str:
    kind = output.kind
    if kind == OMITTED:
        return " " + call.painted(_WARNING, "omitted") + f" (use '{output.reason}' to show)"
    if kind == DERIVATION:
        return f": {_noun(output.path)} '{output.derivation_name}'"
    if kind == APP:
        return ": app: " + call.bold(output.description or "no description")
    if kind == TEMPLATE:
        return ": template: " + call.bold(output.description or "")
    return ": " + call.painted(_WARNING, _WORDS.get(kind, "unknown"))


def _noun(path: tuple[str, ...]) -> str:
    if path[0] in ("devShell", "devShells"):
        return "development environment"
    return "derivation" if path[0] in ("checks", "hydraJobs") else "package"
