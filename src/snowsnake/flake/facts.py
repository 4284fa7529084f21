"""Facts about a flake that need no evaluation: for `flake metadata` and the library.

In: a `LockedFlake`.  Out: data, and the lines of the report, as C++ Nix 2.34 prints them.
"""

from snowsnake.flake.world import FlakeTree
from snowsnake.foundation.record import Whole
from snowsnake.foundation.tree_lines import branch, margin
from snowsnake.lock.flakes import LockedFlake
from snowsnake.lock.lock_file import LockNode, date_text, path_text
from snowsnake.store import hashing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowsnake.fetch import Fetcher, Input
    from snowsnake.flake.world import FlakeWorld
    from snowsnake.foundation.json_type import Json

_TIME = "%Y-%m-%d %H:%M:%S"


class Metadata(Whole):
    """A flake's description, references, lock file and times."""

    def __init__(self, locked: LockedFlake, world: "FlakeWorld") -> None:
        if not isinstance(locked, LockedFlake):
            raise TypeError(f"the facts are about a LockedFlake, which `lock` returns, not {type(locked).__name__}")
        flake = locked.flake
        tree: FlakeTree = flake.place.tree
        input = flake.locked.input
        self.locked_flake = locked
        self.description = flake.declaration.description
        self.original = flake.original
        self.resolved = flake.resolved
        self.locked = flake.locked
        self.lock_file = locked.lock_file
        self.path = tree.store_path
        self.revision = input.rev
        self.dirty_revision = str(input.attrs["dirtyRev"]) if "dirtyRev" in input.attrs else None
        self.rev_count = input.rev_count
        self.last_modified = input.last_modified
        self.fingerprint = None if world.unlocked_input(locked.lock_file) is not None else fingerprint(locked, world.fetcher)

    def to_data(self) -> "dict[str, Json]":
        """The form of `nix flake metadata --json`."""
        found: dict[str, Json] = {
            "description": self.description,
            "originalUrl": str(self.original),
            "original": self.original.to_attributes(),
            "resolvedUrl": str(self.resolved),
            "resolved": self.resolved.to_attributes(),
            "url": str(self.locked),
            "locked": {**self.locked.to_attributes(), "__final": True},
            "revision": self.revision,
            "dirtyRevision": self.dirty_revision,
            "revCount": self.rev_count,
            "lastModified": self.last_modified,
            "path": self.path,
            "locks": self.lock_file.to_data()[0],
            "fingerprint": self.fingerprint,
        }
        return {name: value for name, value in found.items() if value is not None}

    def lines(self) -> "Iterator[tuple[str, str]]":
        """(title, text) of each line of the report, up to the title of the tree of inputs; `input_lines` has that tree."""
        yield "Resolved URL:", f"  {self.resolved}"
        if self.locked.input.is_locked:
            yield "Locked URL:", f"    {self.locked}"
        if self.description is not None:
            yield "Description:", f"   {self.description}"
        yield "Path:", f"          {self.path}"
        if self.revision is not None:
            yield "Revision:", f"      {self.revision}"
        if self.dirty_revision is not None:
            yield "Revision:", f"      {self.dirty_revision}"
        if self.rev_count is not None:
            yield "Revisions:", f"     {self.rev_count}"
        if self.last_modified is not None:
            yield "Last modified:", " " + date_text(self.last_modified, _TIME, is_local=True)
        if self.fingerprint is not None:
            yield "Fingerprint:", f"   {self.fingerprint}"
        if self.lock_file.root.inputs:
            yield "Inputs:", ""

    def input_lines(self) -> "Iterator[tuple[str, str, str]]":
        """(branch, name, text) of each line of the tree of inputs; an input that several inputs share is drawn once."""
        visited = {self.lock_file.root}
        stack: list[tuple[LockNode, list[str], str]] = [(self.lock_file.root, sorted(self.lock_file.root.inputs), "")]
        while stack:
            node, names, prefix = stack[-1]
            if not names:
                stack.pop()
                continue
            name = names.pop(0)
            target = node.inputs[name]
            front = prefix + branch(not names)
            if not isinstance(target, LockNode):
                yield front, name, f" follows input '{path_text(target)}'"
                continue
            assert target.locked is not None
            modified = target.locked.input.last_modified
            when = "" if modified is None else f" ({date_text(modified, _TIME)})"
            yield front, name, f": {target.locked}{when}"
            if target not in visited:
                visited.add(target)
                stack.append((target, sorted(target.inputs), prefix + margin(not names)))


def fingerprint(locked: LockedFlake, fetcher: "Fetcher") -> str | None:
    """A name for a locked flake's evaluation; None if nothing names its source."""
    # The options that a flake sets for itself (`inputs.self.submodules`) do not count.
    asked = locked.flake.resolved.input
    marks = "".join(mark for name, mark in (("submodules", ";s"), ("exportIgnore", ";e"), ("lfs", ";l")) if asked.flag(name))
    source = _source_fingerprint(locked.flake.locked.input, marks, fetcher)
    if source is None:
        return None
    input = locked.flake.locked.input
    text = f"{source};{locked.flake.locked.folder};{locked.lock_file.to_text()}"
    if input.rev_count is not None:
        text += f";revCount={input.rev_count}"
    if input.last_modified is not None:
        text += f";lastModified={input.last_modified}"
    return hashing.digest("sha256", text.encode("utf-8", "surrogateescape")).hex()


def _source_fingerprint(input: "Input", marks: str, fetcher: "Fetcher") -> str | None:
    """A name for the contents of an input; for a working tree, its commit and its changes."""
    kind = input.type
    if kind == "git" and input.rev is None:
        return _of_working_tree(input, fetcher, marks)
    # A server may say of an archive, and a user of a folder, which revision it is: that does not name what is in it.
    if kind in ("tarball", "path") and input.nar_hash is not None:
        return f"path:{input.nar_hash}" if kind == "path" else input.nar_hash
    return input.nar_hash if input.rev is None else f"{input.rev}{marks}"


def _of_working_tree(input: "Input", fetcher: "Fetcher", marks: str) -> str | None:
    path = input.source_path
    if path is None:
        return None
    from snowsnake.fetch.git_working_tree import working_tree
    from snowsnake.fetch.input_forms import NO_REVISION

    tree = fetcher.working_trees.get(path) or working_tree(path, fetcher)
    return None if tree.submodules else f"{tree.head or NO_REVISION}{marks};d={tree.digest_of_changes(path)}"
