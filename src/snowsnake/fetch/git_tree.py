"""Git objects as trees: a commit's files are read from the object database, without a checkout.

In: a repository (pygit2) and the hash of a commit or tree.  Out: `GitTree`, optionally without files marked `export-ignore`.
"""

from __future__ import annotations

import os

from snowsnake.fetch import libgit
from snowsnake.fetch.trees import FileTree, missing
from snowsnake.store import hashing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from pygit2 import Oid

    from snowsnake.fetch.git_repository import Repository

    # The mode and the id of each entry, by its name.
    Entries = dict[bytes, tuple[int, Oid]]

# These are Git's modes of entries.
BLOB = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
FOLDER = 0o040000
# A submodule is an empty folder.
COMMIT = 0o160000
# Any other mode, such as 0100664 in old repositories, means a plain file.
_KINDS = {BLOB: "regular", EXECUTABLE: "executable", LINK: "symlink", FOLDER: "directory", COMMIT: "directory"}
# At most this many tree objects are kept in memory.
_MOST_FOLDERS = 4096


def blob_data(repository: Repository, blob_id: Oid | str) -> bytes:
    """The contents of a blob."""
    blob: Any = repository[blob_id]
    return bytes(blob.data)


class GitTree:
    """The tree of a commit, or of a tree object.  `smudges` replaces the contents of files that Git LFS keeps."""

    def __init__(self, repository: Repository, tree_id: Oid | str, smudges: Callable[[bytes, bytes], bytes] | None = None) -> None:
        self.repository = repository
        self.tree_id = tree_id
        self._folders: dict[bytes, Entries] = {}
        self._smudges = smudges

    def entries(self, path: bytes) -> Entries | None:
        """The entries of a folder; None if the path is not a folder."""
        known = self._folders.get(path)
        if known is not None:
            return known
        if not path:
            object_id = self.tree_id
        else:
            entry = self._entry(path)
            if entry is not None and entry[0] == COMMIT:
                return {}
            if entry is None or entry[0] != FOLDER:
                return None
            object_id = entry[1]
        tree = self.repository[object_id]
        if not isinstance(tree, libgit.Tree):
            return None
        found: Entries = {entry.raw_name or b"": (int(entry.filemode), entry.id) for entry in tree}
        if len(self._folders) >= _MOST_FOLDERS:
            self._folders.clear()
        self._folders[path] = found
        return found

    def _entry(self, path: bytes) -> tuple[int, Oid] | None:
        folder, _, name = path.rpartition(b"/")
        entries = self.entries(folder)
        return None if entries is None else entries.get(name)

    def submodule(self, path: bytes) -> str | None:
        """The commit of the submodule at this path, if there is one."""
        entry = self._entry(path)
        return str(entry[1]) if entry is not None and entry[0] == COMMIT else None

    def kind(self, path: bytes) -> str | None:
        if not path:
            return "directory" if isinstance(self.repository[self.tree_id], libgit.Tree) else "regular"
        entry = self._entry(path)
        return None if entry is None else _KINDS.get(entry[0], "regular")

    def read(self, path: bytes) -> bytes:
        if not path:
            return blob_data(self.repository, self.tree_id)
        entry = self._entry(path)
        if entry is None:
            raise missing(path)
        if _KINDS.get(entry[0], "regular") not in ("regular", "executable"):
            raise IsADirectoryError(f"'{os.fsdecode(path)}' is not a regular file")
        data = blob_data(self.repository, entry[1])
        return data if self._smudges is None else self._smudges(path, data)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        entries = self.entries(path)
        if entries is None:
            raise missing(path) if path and self._entry(path) is None else NotADirectoryError(f"'{os.fsdecode(path)}' is not a directory")
        return [(name, _KINDS.get(mode, "regular")) for name, (mode, _) in entries.items()]

    def link(self, path: bytes) -> bytes:
        entry = self._entry(path)
        if entry is None or entry[0] != LINK:
            raise missing(path)
        return blob_data(self.repository, entry[1])

    def disk_path(self, path: bytes) -> bytes | None:
        return None


class WithoutIgnored:
    """A tree without the files marked `export-ignore`, as `git archive` writes it.

    `commit`: the commit whose `.gitattributes` count; if it is None, those in the index count.
    """

    def __init__(self, base: FileTree, repository: Repository, commit: Any = None) -> None:
        self.base = base
        self.repository = repository
        self._commit = commit
        checks = libgit.enums.AttrCheck
        self._flags = checks.NO_SYSTEM | (checks.INDEX_ONLY if commit is None else checks.INCLUDE_COMMIT)
        self._known: dict[bytes, bool] = {b"": True}

    def _is_allowed(self, path: bytes) -> bool:
        known = self._known.get(path)
        if known is None:
            try:
                known = self.repository.get_attr(os.fsdecode(path), "export-ignore", self._flags, self._commit) is not True
            except KeyError:
                known = True
            self._known[path] = known
        return known

    def _is_reached(self, path: bytes) -> bool:
        at = path
        while at:
            if not self._is_allowed(at):
                return False
            at = at.rpartition(b"/")[0]
        return True

    def kind(self, path: bytes) -> str | None:
        return self.base.kind(path) if self._is_reached(path) else None

    def read(self, path: bytes) -> bytes:
        if not self._is_reached(path):
            raise missing(path)
        return self.base.read(path)

    def link(self, path: bytes) -> bytes:
        if not self._is_reached(path):
            raise missing(path)
        return self.base.link(path)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        if not self._is_reached(path):
            raise missing(path)
        start = path + b"/" if path else b""
        return [(name, kind) for name, kind in self.base.list(path) if self._is_allowed(start + name)]

    def disk_path(self, path: bytes) -> bytes | None:
        if not self._is_reached(path) or self.base.kind(path) == "directory":
            return None
        return self.base.disk_path(path)


# ---- hashes of trees that no database holds ---------------------------------------------------------------------


def object_hash(kind: bytes, data: bytes) -> bytes:
    """Git's hash of an object."""
    return hashing.digest("sha1", b"%s %d\0" % (kind, len(data)) + data)


def hash_with_changes(base: GitTree, changes: Iterable[tuple[bytes, tuple[int, bytes] | None]]) -> str:
    """The hash that a tree would have after changes: (path, mode and hash of its blob, or None if it is gone).  Nothing is written."""
    nested: dict[bytes, Any] = {}
    for path, change in changes:
        *folders, name = path.split(b"/")
        at = nested
        for folder in folders:
            following = at.get(folder)
            if not isinstance(following, dict):
                following = at[folder] = {}
            at = following
        at[name] = change
    return (_changed(base, b"", nested) or object_hash(b"tree", b"")).hex()


def _changed(base: GitTree, path: bytes, changes: dict[bytes, Any]) -> bytes | None:
    """The hash of a folder after changes; None if nothing is left in it."""
    entries = {
        name: (mode, bytes.fromhex(str(object_id))) for name, (mode, object_id) in (base.entries(path) or {}).items()
    }
    for name, change in changes.items():
        if isinstance(change, dict):
            below = _changed(base, path + b"/" + name if path else name, change)
            change = None if below is None else (FOLDER, below)
        if change is None:
            entries.pop(name, None)
        else:
            entries[name] = change
    if not entries:
        return None
    order = sorted(entries.items(), key=lambda item: item[0] + (b"/" if item[1][0] == FOLDER else b""))
    return object_hash(b"tree", b"".join(b"%o %s\0%s" % (mode, name, digest) for name, (mode, digest) in order))
