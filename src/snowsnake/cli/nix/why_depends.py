"""`nix why-depends`: the way from one store object to another that it needs.

In: a `Call`.  Out: a tree; with `--precise` the places in files where objects are named.
"""

from collections.abc import Iterator

from snowsnake.cli.building import report_missing
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.installables import NotBuilt
from snowsnake.cli.nix.store import asked, one_of
from snowsnake.cli.output import write_text
from snowsnake.foundation.tree_lines import branch, margin
from snowsnake.store.graph import closure, distances
from snowsnake.store.interface import Store, archive_of
from snowsnake.store.nar_reader import read_nar
from snowsnake.store.path import hash_part_of

_GREEN, _BLUE, _GREY, _NORMAL = "\x1b[32;1m", "\x1b[34;1m", "\x1b[38;5;244m", "\x1b[0m"
# The number of bytes of a file that are shown on either side of a name.
_MARGIN = 32
_FOUND = ("", "", "")
_HASH_SIZE = 32


def run(call: Call) -> None:
    # The package may have to be built, which needs a store that can be written to.
    with asked(call, is_writable=not call.given.flag("derivation")) as installables:
        package = one_of(call, installables, call.words[0])
        package_called = installables.called(call.words[0])
        try:
            dependency = one_of(call, installables, call.words[1], is_built=False)
        except NotBuilt:
            # The package is built, so it did not need an object that is not.
            dependency = ""
            targets = installables.targets([call.words[1]])
            report_missing(installables.store.missing([target.wanted for target in targets]), call.reporter, level=0)
        store = installables.store
        paths = closure(store, [package])
        if dependency not in paths:
            call.reporter.note(f"'{package_called}' does not depend on '{installables.called(call.words[1])}'")
            return
        _Explained(call, store, package, dependency, paths).print()


class _Explained:
    """The explanation of one dependency: what is printed, and which objects were printed already."""

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
        """Prints the tree, or the way to the first place where the dependency is met."""
        if not self.is_precise:
            write_text(self.package)
        # The innermost object is printed next.
        open_ones = [self._parts(self.package, "", "")]
        while open_ones:
            inner = next(open_ones[-1], None)
            if inner is None:
                open_ones.pop()
            elif inner == _FOUND:
                return
            else:
                open_ones.append(self._parts(*inner))

    def _parts(self, path: str, first: str, rest: str) -> "Iterator[tuple[str, str, str]]":
        """Prints one object; yields the arguments for each of its references, which the caller prints before it goes on, or `_FOUND` when everything is printed.

        *first* and *rest* are the texts in front of the first line and of the other lines.
        """
        if self.is_precise:
            write_text(f"{first}{_GREY if path in self.visited else ''}{'→ ' if first else ''}{path}{_NORMAL}")
        if path == self.dependency and not self.shows_all and self.package != self.dependency:
            yield _FOUND
        if path in self.visited:
            return
        if self.is_precise:
            self.visited.add(path)
        wanted = [other for other in self.references[path] if other in self.distance and not (other == path and self.package != self.dependency)]
        # The sort is stable: references at the same distance stay in the order of their names.
        wanted.sort(key=self.distance.__getitem__)
        hits = self._hits(path, wanted) if self.is_precise else {}
        for other in wanted:
            is_last = not self.shows_all or other == wanted[-1]
            for number, hit in enumerate(hits.get(hash_part_of(other), ())):
                mark = branch(is_last) if number == 0 else margin(is_last)
                write_text(rest + mark + hit)
                if not self.shows_all:
                    break
            if not self.is_precise:
                write_text(f"{first}{_GREY if other in self.visited else ''}{branch(is_last)}{other}{_NORMAL}")
                self.visited.add(path)
            inner = rest + margin(is_last)
            yield other, inner, inner

    def _hits(self, path: str, others: list[str]) -> dict[str, list[str]]:
        """The places in an object that name other objects, by the hash parts of their names."""
        found: dict[str, list[str]] = {}
        parts = [hash_part_of(other) for other in others]
        with archive_of(self.store, path) as stream:
            for member in read_nar(stream):
                shown = member.path or "/"
                is_link = member.kind == "symlink"
                if is_link:
                    text = member.target.encode("utf-8", "surrogateescape")
                elif member.kind == "regular":
                    text = member.read()
                else:
                    continue
                for part in parts:
                    at = text.find(part.encode())
                    if at < 0:
                        continue
                    colour = _GREEN if part == hash_part_of(self.dependency) else _BLUE
                    end = at + _HASH_SIZE
                    # The target of a link is shown whole, a file with some bytes on either side of the name.
                    before, after = (text[:at], text[end:]) if is_link else (text[max(at - _MARGIN, 0) : at], text[end : end + _MARGIN])
                    before_text, after_text = map(_text if is_link else _printable, (before, after))
                    marked = f"{before_text}{colour}{part}{_NORMAL}{after_text}"
                    found.setdefault(part, []).append(f"{shown} -> {marked}" if is_link else f"{shown}: …{marked}…")
        return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
