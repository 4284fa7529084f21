"""`flake show`: the tree of outputs as text and as JSON, as C++ Nix 2.34 prints them.

In: a locked flake, or the root of a tree of outputs.  Out: lines, or data.  An output that fails is an error only when everything else was shown.
"""

from snowsnake.cli.activities import clear_line
from snowsnake.cli.answers import open_answers
from snowsnake.cli.output import Reporter, write_text
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
    show,
)
from snowsnake.foundation.tree_lines import branch, margin
from snowsnake.syntax.api import name_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snowsnake.cli.activities import ShownActivity
    from snowsnake.cli.flake import FlakeCall
    from snowsnake.interpreter import Interpreter
    from snowsnake.lock.flakes import LockedFlake

# Options about the evaluation itself: with one of them, the tree does not come from the cache.
_NOT_KEPT = ("no_cache", "cache_dir", "stats", "files_read", "stress", "memory_limit", "depth_limit", "timeout")
_WORDS = {OVERLAY: "Nixpkgs overlay", MODULE: "NixOS module", CONFIGURATION: "NixOS configuration"}
_WARNING, _GREEN = "\x1b[35;1m", "\x1b[32;1m"


def print_outputs(call: "FlakeCall", locked: "LockedFlake", *, is_json: bool, legacy: bool, all_systems: bool) -> None:
    """Writes the tree of a flake's outputs, from the evaluation cache if it has the tree."""
    answers = None
    given = call.given
    if not any(map(given.flag, _NOT_KEPT)):
        answers = open_answers(call.session, call.flakes, locked, is_refreshed=given.flag("refresh"))
    question = ["show", "json" if is_json else "text", legacy, all_systems, call.flakes.system, call.bold(""), str(locked.flake.locked)]
    known = None if answers is None else answers.known(question)
    heard = _Heard(call.reporter, call.session.evaluator)
    if known is not None:
        tree, messages = known
        for kind, *facts in messages:
            getattr(heard, kind)(*facts)
    else:
        heard.activity("", 0)
        root = show(call.flakes.outputs(locked), call.flakes.system, legacy=legacy, all_systems=all_systems)
        tree = {}
        if is_json:
            tree = show_json(root, heard)
        else:
            show_text(root, str(locked.flake.locked), call, heard, heard.line)
        if answers is not None:
            answers.keep(question, [tree, heard.messages])
    heard.finish()
    if is_json:
        call.print_json(tree)


class _Heard:
    """Passes on remarks and printed text, and keeps them as [name of the method, argument, …]."""

    def __init__(self, reporter: Reporter, evaluator: "Interpreter") -> None:
        self._reporter = reporter
        self._evaluator = evaluator
        self.messages: list[list[str | int]] = []
        # The outermost activity is first.
        self._open: list[ShownActivity] = []
        self.error = reporter.error

    def looks_at(self, output: Output) -> None:
        """Begins the activity of the output that is looked at next."""
        self.activity(output.dotted_path, len(output.path))
        # The failures in `legacyPackages` are passed over, so nobody needs their traces.
        self._evaluator.explains_errors = output.path[0] != "legacyPackages"

    def activity(self, path: str, depth: int) -> None:
        """Begins an activity, as a part of the open activities of the levels above it."""
        self.messages.append(["activity", path, depth])
        self.finish(depth)
        self._open.append(self._reporter.activity(f"evaluating '{path}'").__enter__())

    def finish(self, depth: int = 0) -> None:
        while len(self._open) > depth:
            self._open.pop().__exit__()

    def warning(self, text: str) -> None:
        self.messages.append(["warning", text])
        self._reporter.warning(text)

    def line(self, text: str) -> None:
        self.messages.append(["line", text])
        clear_line()
        write_text(text)


def show_json(root: Output, reporter: "_Heard") -> "dict[str, object]":
    """The tree as data."""
    found: dict[str, object] = {}
    stack: list[tuple[dict[str, object], Iterator[Output]]] = [(found, _children(root))]
    while stack:
        data, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            continue
        reporter.looks_at(child)
        inner: dict[str, object] = {}
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
    """The children of an output; the whole list is made before the first of them is shown."""
    return iter(list(output.children()))


def show_text(root: Output, title: str, call: "FlakeCall", reporter: "_Heard", line: "Callable[[str], None]") -> None:
    """Passes the lines of the tree to *line*; reports failures at the end, and raises the last of them."""
    line(call.bold(title))
    failures: list[EvaluationError] = []
    stack: list[tuple[str, list[Output]]] = [("", list(root.children()))]
    while stack:
        prefix, children = stack[-1]
        if not children:
            stack.pop()
            continue
        child = children.pop(0)
        reporter.looks_at(child)
        header = call.painted(_GREEN, prefix + branch(not children)) + call.bold(name_text(child.name))
        try:
            if child.needs_building:
                line(header + " " + call.painted(_WARNING, "omitted due to use of import from derivation"))
            elif child.kind == FOLDER:
                inner = list(child.children())
                line(header)
                stack.append((prefix + margin(not children), inner))
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


def _described(output: Output, call: "FlakeCall") -> str:
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
