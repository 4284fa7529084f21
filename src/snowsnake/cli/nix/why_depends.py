"""`nix why-depends`: the way from one store object to another that it needs.

In: a `Call`.  Out: a tree; with `--precise` the places in files where objects are named.
"""

from collections.abc import Iterator

from snowsnake.cli.building import report_missing
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.installables import NotBuilt
from snowsnake.cli.nix.store import asked, one_of
from snowsnake.cli.output import write_line
from snowsnake.store.graph import closure, distances
from snowsnake.store.interface import Store, archive_of
from snowsnake.store.nar_reader import read_nar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BRANCH, _LAST, _LINE, _SPACE = "├───", "└───", "│   ", "    "
_GREEN, _BLUE, _GREY, _NORMAL = "\x1b[32;1m", "\x1b[34;1m", "\x1b[38;5;244m", "\x1b[0m"
_MARGIN = 32
_HASH_SIZE = 32


def run(call: Call) -> None:
    with asked(call, is_writable=not call.given.flag("derivation")) as installables:      # the package may have to be built
        package = one_of(call, installables, call.words[0])
        package_called = installables.called(call.words[0])
        try:
            dependency = one_of(call, installables, call.words[1], is_built=False)
        except NotBuilt:                       # then the package, which is built, did not need it
            dependency = ""
            targets = installables.targets([call.words[1]])
            report_missing(installables.store.missing([target.wanted for target in targets]), call.reporter)
        store = installables.store
        paths = closure(store, [package])
        if dependency not in paths:
            call.reporter.note(f"'{package_called}' does not depend on '{installables.called(call.words[1])}'")
            return
        _Explained(call, store, package, dependency, paths).print()


class _Explained:
    def __init__(self, call: Call, store: Store, package: str, dependency: str, paths: set[str]) -> None:
        self.store = store
        self.package = package
        self.dependency = dependency
        self.shows_all = call.given.flag("all")
        self.is_precise = call.given.flag("precise")
        self.references = {path: sorted(store.known(path).references) for path in paths}
        referrers: dict[str, list[str]] = {path: [] for path in paths}
        for path in sorted(paths):
            for other in self.references[path]:
                referrers[other].append(path)
        self.distance = distances(dependency, referrers)
        self.visited: set[str] = set()

    def print(self) -> None:
        if not self.is_precise:
            _line(self.package)
        # work: what is printed next; the innermost object first
        work: list[Iterator[bool]] = [self._node(self.package, "", "", [])]
        pending: list[Iterator[bool]] = []
        while work:
            try:
                ends = next(work[-1])
            except StopIteration:
                work.pop()
                continue
            if ends:
                return
            pending = self._next
            self._next = []
            work.extend(pending)

    _next: list[Iterator[bool]] = []

    def _node(self, path: str, first: str, rest: str, _: "list[Any]") -> Iterator[bool]:
        """Prints what an object is, and hands over its references one by one; yields whether all is said."""
        if self.is_precise:
            _line(f"{first}{_GREY if path in self.visited else ''}{'→ ' if first else ''}{path}{_NORMAL}")
        if path == self.dependency and not self.shows_all and self.package != self.dependency:
            yield True
        if path in self.visited:
            return
        if self.is_precise:
            self.visited.add(path)
        wanted = [other for other in self.references[path] if other in self.distance and not (other == path and self.package != self.dependency)]
        wanted.sort(key=self.distance.__getitem__)      # stays in the order of names otherwise
        hits = self._hits(path, wanted) if self.is_precise else {}
        for other in wanted:
            is_last = not self.shows_all or other == wanted[-1]
            for number, hit in enumerate(hits.get(_hash_part(other), ())):
                mark = (_LAST if is_last else _BRANCH) if number == 0 else (_SPACE if is_last else _LINE)
                _line(rest + mark + hit)
                if not self.shows_all:
                    break
            if not self.is_precise:
                _line(f"{first}{_GREY if other in self.visited else ''}{_LAST if is_last else _BRANCH}{other}{_NORMAL}")
                self.visited.add(path)
            inner = rest + (_SPACE if is_last else _LINE)
            self._next = [self._node(other, inner, inner, [])]
            yield False

    def _hits(self, path: str, others: list[str]) -> dict[str, list[str]]:
        """By hash part: the places in an object that name another one."""
        found: dict[str, list[str]] = {}
        parts = [_hash_part(other) for other in others]
        with archive_of(self.store, path) as stream:
            for member in read_nar(stream):
                shown = member.path or "/"
                if member.kind == "symlink":
                    text = member.target.encode("utf-8", "surrogateescape")
                elif member.kind == "regular":
                    text = member.read()
                else:
                    continue
                for part in parts:
                    at = text.find(part.encode())
                    if at < 0:
                        continue
                    colour = _GREEN if part == _hash_part(self.dependency) else _BLUE
                    if member.kind == "symlink":
                        start, piece = 0, text
                    else:
                        start = max(at - _MARGIN, 0)
                        piece = text[start : at + _HASH_SIZE + _MARGIN]
                    plain = piece.decode("utf-8", "surrogateescape") if member.kind == "symlink" else _printable(piece)
                    at -= start
                    marked = plain[:at] + colour + plain[at : at + _HASH_SIZE] + _NORMAL + plain[at + _HASH_SIZE :]
                    found.setdefault(part, []).append(f"{shown} -> {marked}" if member.kind == "symlink" else f"{shown}: …{marked}…")
        return found


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def _hash_part(path: str) -> str:
    return path.rpartition("/")[2][:_HASH_SIZE]


def _line(text: str) -> None:
    write_line(text.encode("utf-8", "surrogateescape"))
