"""`nix search`: finds packages whose attribute path, name or description match regular expressions.

In: a `Call`.  Out: a list with the matches in green, or JSON.
"""

import os

from snowsnake.builtins.engines.versions import split_drv_name
from snowsnake.cli.activities import are_lines, clear_line
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.evaluate import check_source, has_source, load, open_output, refuse_store_path
from snowsnake.cli.nix.outputs import split_outputs
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import only_evaluates, write_text
from snowsnake.cli.patterns import Searcher
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.plain import derivation_texts, find
from snowsnake.selection import split_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.cli.activities import ShownActivity
    from snowsnake.handle import Handle

    Path = tuple[str, ...]
_BOLD, _GREEN, _NORMAL = "\x1b[0;1m", "\x1b[32;1m", "\x1b[0m"
# The number of entries of an earlier evaluation that are read at once.
_AT_ONCE = 4096
# Errors of files and limits, which the evaluated program did not cause.
_NOT_OF_EVALUATION = ("file", "memory", "timeout", "interrupt", "depth")


class _Search:
    def __init__(self, call: Call, wanted: list[Searcher], unwanted: list[Searcher]) -> None:
        self.call = call
        self.evaluator: Any = None
        self.wanted = wanted
        self.unwanted = unwanted
        self.count = 0
        # Everything that was visited: depth and path; for packages also name, version and description.
        self.seen: list[tuple[int, str] | tuple[int, str, str, str, str]] = []
        self._depth = 0
        # The activities of an earlier evaluation that are open, the outermost first.
        self._open: list[ShownActivity] = []
        self.as_json: dict[str, dict[str, str]] | None = {} if call.given.flag("json") else None

    def visit(self, value: "Handle", path: "Path", is_first: bool) -> None:
        shown = ".".join(path)
        self.seen.append((self._depth, shown))
        self._depth += 1
        with self.call.reporter.activity(f"evaluating '{shown}'"):
            try:
                self._look(value, path, shown, is_first)
            finally:
                self._depth -= 1

    def visit_again(self, seen: "list[Any]") -> None:
        """Reports what an earlier evaluation visited, with the same messages."""
        for start in range(0, len(seen), _AT_ONCE):
            part = seen[start : start + _AT_ONCE]
            packages = [number for number, entry in enumerate(part) if len(entry) > 2]
            texts = [text for number in packages for _, shown, name, _, about in (part[number],) for text in (shown, name, about)]
            told = 0
            for number in sorted({packages[place // 3] for place in self.wanted[0].may_be_in(texts)}):
                if self.as_json is None:
                    self._tell(part[told : number + 1])
                    told = number + 1
                self.match(*part[number][1:])
            self._tell(part[told:])
        self._tell([[0, ""]])

    def _tell(self, seen: "list[Any]") -> None:
        """Reports the activities of an earlier evaluation."""
        reporter = self.call.reporter
        if are_lines(reporter) and not reporter.is_followed:
            reporter.notes([f"evaluating '{entry[1]}'..." for entry in seen if entry[1]])
            return
        for depth, shown, *_ in seen:
            while len(self._open) > depth:
                self._open.pop().__exit__()
            if shown:
                self._open.append(reporter.activity(f"evaluating '{shown}'").__enter__())

    def _look(self, value: "Handle", path: "Path", shown: str, is_first: bool) -> None:
        is_legacy = path[:1] == ("legacyPackages",)
        if is_first:
            # Failures in `legacyPackages` are passed over, so nobody needs their traces.
            self.evaluator.explains_errors = not is_legacy
        try:
            texts = derivation_texts(value)
            if texts is not None:
                self._found(shown, *texts)
            elif _is_derivation(value, shown):
                self._consider(value, shown)
            elif len(path) <= 2 and path[:1] in ((), ("legacyPackages",), ("packages",)) or is_first:
                self._inside(value, path, shown)
            elif is_legacy and len(path) > 2:
                wanted = find(value, b"recurseForDerivations")
                if wanted is not None and _expected(wanted, "bool", f"{shown}.recurseForDerivations", "a Boolean").to_python():
                    self._inside(value, path, shown)
        except EvaluationError as error:
            if not is_legacy or error.code in _NOT_OF_EVALUATION:
                if not self.evaluator.explains_errors:
                    self.evaluator.explains_errors = True
                    # The second attempt fails before it shows anything, as the first one did, but its error has a trace.
                    self._look(value, path, shown, is_first)
                raise

    def _inside(self, value: "Handle", path: "Path", shown: str) -> None:
        for name in _expected(value, "set", shown, "an attribute set").keys():
            self.visit(value.select(name), (*path, name.decode("utf-8", "surrogateescape")), False)

    def _consider(self, value: "Handle", shown: str) -> None:
        found = find(value, b"name")
        if found is None:
            raise EvaluationError("missing-attribute", f"attribute '{shown}.name' does not exist")
        name = _text(found, f"{shown}.name")
        meta = find(value, b"meta")
        about = None if meta is None else find(meta, b"description")
        self._found(shown, name, b"" if about is None else _text(about, f"{shown}.meta.description"))

    def _found(self, shown: str, full_name: bytes, about: bytes) -> None:
        pname, version = split_drv_name(full_name)
        package = (_shown(pname), _shown(version), _shown(about.replace(b"\n", b" ")))
        self.seen[-1] = (self._depth - 1, shown, *package)
        self.match(shown, *package)

    def match(self, shown: str, name: str, version: str, description: str) -> None:
        """Notes a package if it matches."""
        if any(regex.places(text) for regex in self.unwanted for text in (shown, name, description)):
            return
        in_path: list[tuple[int, int]] = []
        in_description: list[tuple[int, int]] = []
        for regex in self.wanted:
            here, there = regex.places(shown), regex.places(description)
            in_path += here
            in_description += there
            if not (here or there or regex.places(name)):
                return
        clear_line()
        self.count += 1
        if self.as_json is not None:
            self.as_json[shown] = {"pname": name, "version": version, "description": description}
            return
        lines = [""] if self.count > 1 else []
        lines.append(f"* {_BOLD}{_highlighted(shown, in_path, _BOLD)}{_NORMAL}" + (f" ({version})" if version else ""))
        if description:
            lines.append(f"  {_highlighted(description, in_description, _NORMAL)}")
        write_text("\n".join(lines))


def run(call: Call) -> int:
    regexes = call.words[1:]
    if not regexes:
        if has_source(call):
            check_source(call)
            split_outputs((call.words or [""])[0])
        else:
            from snowsnake.lock.reference_text import parse_reference

            parse_reference((call.words or ["."])[0], os.getcwd())
        raise UsageError("Must provide at least one regex! To match all packages, use 'nix search <installable> ^'.")
    search = _Search(call, list(map(Searcher, regexes)), list(map(Searcher, call.given.texts("exclude"))))
    call.given.values.setdefault("read_only", True)
    call.settings.set_default("allow-import-from-derivation", False)
    only_evaluates()
    _look_everywhere(call, search)
    if search.as_json is not None:
        print_json(search.as_json, call)
    elif not search.count:
        raise EvaluationError("value", "no results for the given search term(s)!")
    return 0


def _look_everywhere(call: Call, search: _Search) -> None:
    """Searches an attribute of a file or an expression, or all outputs of a flake that the word may name."""
    word = call.words[0] if call.words else "."
    if has_source(call):
        session, value = load(call, "" if word == "." else word)
        search.evaluator = session.evaluator
        search.visit(value, (), True)
        return
    refuse_store_path(word)
    system = call.settings["system"]
    session, output = open_output(call, word, (f"packages.{system}", f"legacyPackages.{system}"))

    seen = output.known(["packages"])
    if seen is not None:
        search.visit_again(seen)
        return
    search.evaluator = session.evaluator
    for value, path in output.values():
        search.visit(value, tuple(split_path(path)), True)
    output.keep(["packages"], search.seen)


def _is_derivation(value: "Handle", shown: str) -> bool:
    kind = find(value, b"type")
    return kind is not None and _text(kind, f"{shown}.type") == b"derivation"


def _text(value: "Handle", shown: str) -> bytes:
    if value.type_name() == "path":
        return str(value.to_python()).encode("utf-8", "surrogateescape")
    return _expected(value, "string", shown, "a string").string()


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _expected(value: "Handle", kind: str, shown: str, what: str) -> "Handle":
    if value.type_name() != kind:
        raise EvaluationError("type", f"'{shown}' is not {what}")
    return value


def _highlighted(text: str, places: list[tuple[int, int]], after: str) -> str:
    """The text with some places, which may overlap, in green."""
    if not places:
        return text
    # Places are offsets in bytes.
    data = text.encode("utf-8", "surrogateescape")
    parts: list[bytes] = []
    done = 0
    rest = sorted(places, key=lambda place: place[0])
    while rest:
        start, end = rest.pop(0)
        while rest and rest[0][0] <= end:
            end = max(end, rest.pop(0)[1])
        parts += [data[done:start], _GREEN.encode(), data[start:end], after.encode()]
        done = end
    return b"".join([*parts, data[done:]]).decode("utf-8", "surrogateescape")
