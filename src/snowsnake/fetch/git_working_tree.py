"""Working trees of Git repositories: tracked files, differences from the commit, and a name for the contents.

In: a folder.  Out: its tree, read in place.  Only files whose dates differ from those in Git's index are read (git_index.pyx).  libgit2 is
used where that module does not understand the index, or Git converts contents.
"""

from __future__ import annotations

import os

from snowsnake.fetch import libgit
from snowsnake.fetch.errors import FetchFailure, ForbiddenAccess
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.git_index import GitIndex
from snowsnake.fetch.git_plain import plain_repository
from snowsnake.fetch.git_repository import (
    LazyRepository,
    attribute_files,
    git_error,
    head_ref,
    ignores_something,
    last_modified,
    local_attributes,
    modules_of,
    open_repository,
    parse_modules,
    rev_count,
    setting_of,
    tree_of_commit,
    verify_commit,
)
from snowsnake.fetch.git_tree import (
    BLOB,
    COMMIT,
    EXECUTABLE,
    LINK,
    GitTree,
    WithoutIgnored,
    hash_with_changes,
    object_hash,
)
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import NO_REVISION
from snowsnake.fetch.tree_hash import ArchiveStream, packed
from snowsnake.fetch.trees import DiskTree, FileTree, MountedTree, PartOfDisk, WithoutUntracked
from snowsnake.store import hashing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pygit2 import Oid

    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.git_repository import Repository

# At most this many files are read to see whether they changed; for more, libgit2 is faster.
_MOST_SUSPICIOUS = 1000


class WorkingTree:
    """The tracked files of a working tree, and whether it differs from the commit."""

    def __init__(self, head: str | None, repository: Repository) -> None:
        self.head = head
        self.repository = repository
        # The index, in which changes are marked; None if `GitIndex` does not understand it.
        self.index: GitIndex | None = None
        self.changed: list[bytes] = []
        self.deleted: list[bytes] = []
        # The path, the URL and the branch of each submodule.
        self.submodules: list[tuple[bytes, str, str]] = []
        self.is_dirty = False
        self.index_data = b""
        # Files that may differ from the index in `index_data`; None: not checked.
        self.suspicious: list[bytes] | None = None
        self._digest_of_changes = ""

    def files(self) -> set[bytes]:
        """All tracked files that exist; for many files this takes a while."""
        tracked = {os.fsencode(entry.path) for entry in self.repository.index if entry.mode != COMMIT}
        return tracked.difference(self.deleted).union(self.changed)

    def digest_of_changes(self, root: str) -> str:
        """SHA-512 of what differs from the commit, in C++ Nix's form.  It is computed once, from the contents at that time."""
        if not self._digest_of_changes:
            import hashlib

            digest = hashlib.sha512()
            for name in sorted(self.changed, key=_rank):
                digest.update(packed(b"modified:") + packed(b"/" + name))
                place = os.path.join(os.fsencode(root), name)
                if not os.path.lexists(place):
                    # Git counts it among the changes, and not as deleted, while a merge has a conflict there.
                    raise FetchFailure(f"path '/{os.fsdecode(place)}' does not exist")
                stream = ArchiveStream(DiskTree(place))
                while piece := stream.read(1 << 20):
                    digest.update(piece)
            for name in sorted(self.deleted, key=_rank):
                digest.update(packed(b"deleted:") + packed(b"/" + name))
            self._digest_of_changes = digest.hexdigest()
        return self._digest_of_changes

    def tree(self, root: str, modules: list[bytes], *, is_exact: bool = False) -> FileTree:
        """The tracked files, read in place, and everything in the folders *modules*.  *is_exact*: no link may be on the way to *root*."""
        index = self.index
        if index is None or modules:
            return PartOfDisk(root, lambda: self.files().union(modules), is_exact=is_exact)
        return WithoutUntracked(root, index, is_exact=is_exact)


# C++ Nix compares paths as bytes with a sign, with `/` as zero.
_RANKS = bytes(0x80 if byte == ord("/") else byte ^ 0x80 for byte in range(256))


def _rank(name: bytes) -> bytes:
    r"""The text by which C++ Nix sorts paths.

    >>> sorted([b"a", b"a.b", b"a/b", b"\xc3\xa9"], key=_rank)
    [b'\xc3\xa9', b'a', b'a/b', b'a.b']
    """
    return name.translate(_RANKS)


def working_tree(path: str, fetcher: Fetcher) -> WorkingTree:
    """The state of a working tree, without submodules."""
    found = _at_head(path)
    if not _compare_with_index(found, path, fetcher):
        _ask_libgit2(found, path, fetcher)
    modules_file = os.path.join(path, ".gitmodules")
    if os.path.exists(modules_file):
        with open(modules_file, "rb") as file:
            found.submodules = parse_modules(file.read())
    return found


def _at_head(path: str) -> WorkingTree:
    plain = plain_repository(path)
    if plain is not None:
        return WorkingTree(plain.head, LazyRepository(path, plain))
    repository = open_repository(path)
    try:
        return WorkingTree(str(repository.lookup_reference("HEAD").resolve().target), repository)
    except KeyError:
        # The repository has no commit yet.
        return WorkingTree(None, repository)
    except (ValueError, libgit.GitError) as error:
        raise git_error("getting working directory status", error) from None


def _ask_libgit2(found: WorkingTree, path: str, fetcher: Fetcher) -> None:
    repository = found.repository
    deleted = libgit.enums.FileStatus.INDEX_DELETED | libgit.enums.FileStatus.WT_DELETED
    try:
        changes = repository.status(untracked_files="no")
    except libgit.GitError as error:
        raise git_error("getting working directory status", error) from None
    for name, flags in changes.items():
        if flags == 0 or _is_module(found, name, fetcher):
            continue
        found.is_dirty = True
        (found.deleted if flags & deleted else found.changed).append(os.fsencode(name))
    index, written_ns, data = _read_index(repository, path)
    if data != found.index_data:
        # The suspicious files were found with an index that has changed since.
        found.suspicious = None
    if index is None or not all(index.mark(name, False) for name in found.changed):
        return
    if _is_seen_differently(repository):
        # A file that Git takes for unchanged may have another mode on disk, or be a file where the index has a link.
        for name, _, _ in index.suspicious(written_ns):
            index.mark(name, False)
    for name in found.deleted:
        index.mark(name, True)
    found.index = index


def _read_index(repository: Repository, path: str) -> tuple[GitIndex | None, int, bytes]:
    """(the index, the time when it was written, its bytes); (None, 0, b"") if there is none that we understand."""
    try:
        with open(os.path.join(repository.path, "index"), "rb") as file:
            written_ns = os.fstat(file.fileno()).st_mtime_ns
            data = file.read()
    except OSError:
        return None, 0, b""
    index = GitIndex(data, path)
    return (index, written_ns, data) if index.is_plain else (None, 0, b"")


def _compare_with_index(found: WorkingTree, path: str, fetcher: Fetcher) -> bool:
    """Finds changes by comparing the index with the commit's tree and with the disk; False: libgit2 must do it."""
    repository = found.repository
    if found.head is None or not _is_its_working_tree(repository, path):
        return False
    index, written_ns, data = _read_index(repository, path)
    tree_id = tree_of_commit(repository, found.head, fetcher)
    # If the index does not know its tree, something was added to it, and libgit2 must compare.
    if index is None or index.tree_id is None or index.tree_id.hex() != tree_id:
        return False
    try:
        suspicious = index.suspicious(written_ns)
    except OSError:
        return False
    if len(suspicious) <= _MOST_SUSPICIOUS:
        found.index_data, found.suspicious = data, [name for name, _, _ in suspicious]
    if suspicious and (len(suspicious) > _MOST_SUSPICIOUS or _is_converted(repository, tree_id, fetcher)):
        return False
    for name, mode, digest in suspicious:
        blob = _blob_of(os.fsencode(path), name)
        if blob is not None and blob[1] == digest and blob[0] == mode:
            continue
        found.is_dirty = True
        (found.deleted if blob is None else found.changed).append(name)
        index.mark(name, blob is None)
    found.index = index
    return True


def _is_its_working_tree(repository: Repository, path: str) -> bool:
    """Whether the repository's settings (`core.bare`, `core.worktree`) leave its working tree where the repository was found."""
    if isinstance(repository, LazyRepository):
        return True
    return repository.workdir is not None and os.path.realpath(repository.workdir) == os.path.realpath(path)


def _blob_of(root: bytes, name: bytes) -> tuple[int, bytes] | None:
    """(mode, hash of the blob) of a file on disk; None if there is none, or if its path leads through a link."""
    place = root + b"/" + name
    folder = os.path.dirname(place)
    while len(folder) > len(root):
        if os.path.islink(folder):
            return None
        folder = os.path.dirname(folder)
    if os.path.islink(place):
        return LINK, object_hash(b"blob", os.readlink(place))
    if not os.path.isfile(place):
        return None
    with open(place, "rb") as file:
        digest = object_hash(b"blob", file.read())
        return EXECUTABLE if os.fstat(file.fileno()).st_mode & 0o100 else BLOB, digest


def _is_module(status: WorkingTree, name: str, fetcher: Fetcher) -> bool:
    """Whether a path is a submodule's: in the index or, if it is not there any more, in the commit."""
    try:
        return bool(status.repository.index[name].mode == COMMIT)
    except KeyError:
        # The index does not have the path, or has several versions of it, because a merge has a conflict there.
        pass
    if status.head is None:
        return False
    return GitTree(status.repository, tree_of_commit(status.repository, status.head, fetcher)).submodule(os.fsencode(name)) is not None


def fetch_working_tree(input: Input, path: str, status: WorkingTree, fetcher: Fetcher, *, checked: str | None = None) -> Fetched:
    """Fetches the working tree at *path*.  *checked*: its place without links, if a policy allows only that; then no link may be on the way to it."""
    repository = status.repository
    with_modules = input.flag("submodules")
    modules = [module for module, _, _ in status.submodules] if with_modules else []
    tree = status.tree(os.path.realpath(path) if checked is None else path, modules, is_exact=checked is not None)
    memo = ""
    if input.flag("exportIgnore"):
        if _attributes_changed(status) or ignores_something(repository, tree_of_commit(repository, str(status.head), fetcher), fetcher):
            tree = WithoutIgnored(tree, repository)
        else:
            memo = _memo(status, path, fetcher)
    elif not with_modules:
        memo = _memo(status, path, fetcher)
    if with_modules and status.submodules:
        mounts = {}
        for module, _, _ in status.submodules:
            place = os.path.join(path, os.fsdecode(module))
            part = fetcher.input_from_attrs({"type": "git", "url": place, "exportIgnore": input.flag("exportIgnore"), "submodules": True})
            fetcher.check_part(part, checked or path)
            found = fetcher.open(part)
            if found.input.rev is None:
                status.is_dirty = True
            mounts[module] = found.tree
        tree = MountedTree(tree, mounts)
    result = input
    if not status.is_dirty:
        ref = head_ref(repository)
        if ref is not None:
            result = result.with_attrs(ref=ref)
        rev = status.head or NO_REVISION
        result = result.with_attrs(rev=rev)
        if not input.flag("shallow"):
            result = result.with_attrs(revCount=0 if status.head is None else rev_count(repository, rev, path, fetcher))
        verify_commit(result, path)
    else:
        if not fetcher.settings["allow-dirty"]:
            raise ForbiddenAccess(f"Git tree '{path}' is dirty")
        if fetcher.settings["warn-dirty"]:
            fetcher.warn(f"Git tree '{path}' is dirty")
        if status.head is not None:
            result = result.with_attrs(dirtyRev=status.head + "-dirty", dirtyShortRev=status.head[:7] + "-dirty")
        verify_commit(result, None)
    modified = 0 if status.head is None else last_modified(repository, status.head, fetcher)
    return Fetched(tree, result.with_attrs(lastModified=modified), memo)


def _attributes_changed(status: WorkingTree) -> bool:
    """Whether the index may have different `.gitattributes` than the commit."""
    return status.head is None or any(os.path.basename(name) == b".gitattributes" for name in [*status.changed, *status.deleted])


_CONVERTS = (b"text", b"crlf", b"eol", b"ident", b"filter", b"working-tree-encoding")
_SEEN_AS_THEY_ARE = (("core.filemode", ("", "true")), ("core.symlinks", ("", "true")), ("core.ignorecase", ("", "false")))


def _is_seen_differently(repository: Repository) -> bool:
    """Whether Git takes some files for the same that differ on disk: in their modes, as links, or by the case of their names."""
    return any(setting_of(repository, name) not in usual for name, usual in _SEEN_AS_THEY_ARE)


def _is_converted(repository: Repository, tree_id: Oid | str, fetcher: Fetcher) -> bool:
    """Whether Git may store files differently than they are on disk: line ends, filters, modes."""
    if _is_seen_differently(repository) or setting_of(repository, "core.autocrlf") not in ("", "false"):
        return True
    attributes = local_attributes(repository) + attribute_files(repository, tree_id, fetcher)
    if not any(word in attributes for word in _CONVERTS):
        return False
    import re

    return re.search(rb"\b(?:" + b"|".join(_CONVERTS) + rb")\b", attributes) is not None


def _memo(status: WorkingTree, path: str, fetcher: Fetcher) -> str:
    """A name for the files of a working tree; empty if nothing names them."""
    try:
        return _tree_memo(status, path, fetcher)
    except KeyError:
        # The repository lost objects, such as those that it borrowed from another one; the files are on disk.
        return _disk_memo(status, path)


def _tree_memo(status: WorkingTree, path: str, fetcher: Fetcher) -> str:
    """A name for the files of a working tree: the hash that Git's tree of them would have.  Only changed files are read.

    If Git converts files, it is the name that `_disk_memo` makes.  It is empty if nothing names the files.
    """
    if status.head is None or status.index is None:
        return ""
    repository = status.repository
    tree_id = tree_of_commit(repository, status.head, fetcher)
    if _attributes_changed(status) or _is_converted(repository, tree_id, fetcher):
        return _disk_memo(status, path)
    changes: list[tuple[bytes, tuple[int, bytes] | None]] = [(name, None) for name in status.deleted]
    for name in status.changed:
        blob = _blob_of(os.fsencode(path), name)
        if blob is None:
            return ""
        changes.append((name, blob))
    # A submodule is not among the files of a working tree, but among those of the commit.
    modules = [(name, None) for name in modules_of(repository, tree_id, fetcher)]
    if not changes and not modules:
        return f"git:{tree_id}"
    return f"git:{_changed_tree(repository, tree_id, [*changes, *modules], fetcher)}"


def _changed_tree(repository: Repository, tree_id: str, changes: list[tuple[bytes, tuple[int, bytes] | None]], fetcher: Fetcher) -> str:
    """The hash of a tree after changes, remembered by the changes: the second time, no object of Git is read."""
    parts = [b"%s\0%s" % (name, b"" if blob is None else b"%o %s" % (blob[0], blob[1].hex().encode())) for name, blob in sorted(changes, key=lambda change: change[0])]
    key = hashing.digest("sha256", b"\0".join([tree_id.encode(), *parts])).hex()
    known = fetcher.cache.fact("gitChangedTree", key)
    if known is not None:
        return str(known["tree"])
    found = hash_with_changes(GitTree(repository, tree_id), changes)
    fetcher.cache.note("gitChangedTree", key, {"tree": found})
    return found


def _disk_memo(status: WorkingTree, path: str) -> str:
    """A name for files that Git stores in another form (other line ends): it covers the index, and the contents of files that may differ from it."""
    if status.suspicious is None:
        return ""
    parts = [hashing.digest("sha256", status.index_data)]
    for name in status.suspicious:
        blob = _blob_of(os.fsencode(path), name)
        parts.append(b"%d %s %d %s" % (len(name), name, *(blob or (0, b""))))
    return f"disk:{hashing.digest('sha256', b''.join(parts)).hex()}"
