"""Everything that a result depends on, and whether it is unchanged: this tells whether to evaluate again.

In: the host's record of an evaluation (`host/records.pyx`).  Out: `Dependencies`; `changed()` checks each question once more, like
the evaluation did, and lists those with another answer.

An answer that nobody can check counts as changed: the time, a source that was fetched without saying which, a file that was changed
between reading it and asking for the record, a path that could not be read, which may fail for another reason the next time.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from _operator import itemgetter

from snowsnake.store import nar

# Type checkers take this for true.  Otherwise each evaluation of a flake would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, NamedTuple

    class _Fields(NamedTuple):
        kind: str
        name: str
        state: str
        value: Any = None
else:

    # A named tuple would make each evaluation of a flake import `collections`.
    class _Fields(tuple):
        __slots__ = ()
        _fields = __match_args__ = ("kind", "name", "state", "value")
        kind, name, state, value = (property(itemgetter(number)) for number in range(4))

        def __new__(cls, kind, name, state, value=None):
            return tuple.__new__(cls, (kind, name, state, value))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return f"{type(self).__name__}(kind={self.kind!r}, name={self.name!r}, state={self.state!r}, value={self.value!r})"

_STATES = {b"f": "found", b"a": "absent", b"e": "failed", b"s": "fixed", b"d": "disputed"}
_FILE_TYPES = {1: "regular", 2: "directory", 3: "symlink", 4: "unknown"}
_TREE_KINDS = {1: "regular", 2: "regular", 3: "symlink", 4: "directory", 5: "unknown"}
# A `FileRecord` (host/records.pyx) has the stamp of a file at this place, in this size.
_STAMP_AT, _STAMP_SIZE = 8, 32
# Each number of a stamp is cut to 64 bits.
_MASK = (1 << 64) - 1
_PIECE_BYTES = 1 << 20


class Dependency(_Fields):
    """One question and its answer.

    `kind` and `name`: "file" (contents at a path), "directory" (names in it), "status" (type of what is at the path itself), "target"
    (type through symbolic links), "link" (where a symbolic link leads), "tree" (everything below a path that was copied), "valid" (whether
    a store path is there), "variable", "home" (of the user, when HOME is not set), "time", "source" (an address that was fetched).

    `state`: "found"; "absent"; "failed", if it could not be read (`changed` always lists these); "fixed", if it is part of a source whose store path says its
    contents, or a source that was asked for with its hash or revision; "disputed", if the evaluation was answered in two ways, or nobody can say any more what it read.

    `value` of what was found: SHA-256 of a file; (name, type) pairs; a type; text; seconds since 1970; the hash of a source; of a tree the SHA-256 of its NAR and,
    if something was left out, (path, type, whether it was left out) of each entry.
    """

    __slots__ = ()

    @classmethod
    def of_list(cls, read: Any) -> Dependency:
        """Makes one of `[kind, name, state, value]`, the form in JSON."""
        kind, name, state, value = read
        return cls(kind, name, state, _tuples(value))


class _Unreadable(Exception):
    """The path exists and cannot be read."""


class Dependencies:
    """The questions of one evaluator so far.  Iterating returns each `Dependency`, in the order in which they were first asked.

    `settings` are those of the evaluator that have an influence; `changed` does not look at them.  `stamps` are the stamps (`stamp_text`) of the
    files that were read, by name: as long as a file has the same stamp, it has the same contents.  A file that had been changed just before it
    was read has none.
    """

    def __init__(
        self, entries: tuple[Dependency, ...], settings: Mapping[str, object], store: tuple[str, str | None]
    ) -> None:
        self.entries = entries
        self.settings = dict(settings)
        self.stamps: dict[str, str] = {}
        self._store_dir, self._real_store = store

    @property
    def store_folders(self) -> tuple[str, ...]:
        """Where store objects are: in the logical store, and in the folder that takes its place."""
        return (self._store_dir,) if self._real_store is None else (self._store_dir, self._real_store)

    @property
    def elsewhere(self) -> str:
        """How paths begin that may lie at another place on disk (`place`); "" if none does."""
        return "" if self._real_store is None else self._store_dir + "/"

    def __iter__(self) -> Iterator[Dependency]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def changed(self, *, ignore_time: bool = False, refetch: Callable[[str], str] | None = None) -> list[Dependency]:
        """The questions with another answer now; if there are none, an evaluation with the same settings has the same result.

        `ignore_time`: leave out the time that `builtins.currentTime` returned.  `refetch` maps the
        address of a source that is not locked to the hash of what is there now; without it such a source counts as changed.
        """
        return [entry for entry in self.entries if not (ignore_time and entry.kind == "time") and not self._holds(entry, refetch)]

    def holds(self, entry: Dependency) -> bool:
        """Whether a question, of this evaluation or another one with the same store, still has its answer."""
        return self._holds(entry, None)

    def _holds(self, entry: Dependency, refetch: Callable[[str], str] | None) -> bool:
        if entry.state == "fixed":
            return True
        # What failed before may fail for another reason now, and the error would name that reason.
        if entry.state in ("disputed", "failed"):
            return False
        if entry.kind == "source":
            return refetch is not None and refetch(entry.name) == entry.value
        return self._ask(entry) == (entry.state, entry.value)

    def _ask(self, entry: Dependency) -> tuple[str, Any]:
        try:
            found = _QUESTIONS[entry.kind](self.place(entry.name), entry)
        except (FileNotFoundError, NotADirectoryError):
            return "absent", None
        except (OSError, ValueError, _Unreadable):
            return "failed", None
        return ("absent", None) if found is None else ("found", found)

    def place(self, path: str) -> str:
        """The place of a path on disk: the logical store may be another folder."""
        if self._real_store is not None and path.startswith(self._store_dir + "/"):
            name, slash, rest = path[len(self._store_dir) + 1 :].partition("/")
            place = f"{self._real_store}/{name}"
            if os.path.lexists(place):
                return place + slash + rest
        return path

    def to_json(self) -> str:
        """Returns a text that `from_json` reads."""
        import json

        return json.dumps(
            {
                "version": 1,
                "settings": self.settings,
                "store": [self._store_dir, self._real_store],
                "entries": self.entries,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Dependencies:
        """Reads the text that `to_json` returned; raises ValueError for any other text."""
        import json

        try:
            read = json.loads(text)
            if read["version"] != 1:
                raise ValueError("dependencies of another version")
            entries = tuple(Dependency.of_list(entry) for entry in read["entries"])
            store_dir, real_store = read["store"]
            if not all(entry.kind in _QUESTIONS or entry.kind == "source" for entry in entries):
                raise ValueError("dependencies of an unknown kind")
            return cls(entries, read["settings"], (store_dir, real_store))
        except (KeyError, TypeError) as error:
            raise ValueError("no dependencies") from error


def _tuples(value: object) -> Any:
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value


# ---- questions --------------------------------------------------------------------------------------------------


def _contents(path: str, entry: Dependency | None = None) -> str:
    return _hash(path)[0]


def _hash(path: str) -> tuple[str, os.stat_result]:
    # The start of commands must not pay for this import, which loads OpenSSL.
    import hashlib

    found = os.stat(path)
    if stat.S_ISCHR(found.st_mode):
        return hashlib.sha256().hexdigest(), found
    if not stat.S_ISREG(found.st_mode):
        raise _Unreadable
    with open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise _Unreadable
        digest = hashlib.sha256()
        while piece := file.read(min(before.st_size + 1, _PIECE_BYTES)):
            digest.update(piece)
    return digest.hexdigest(), before


def stamp_text(found: os.stat_result) -> str:
    """The times, inode and size of a file.

    It is empty for a file whose contents may change without these: a kernel's files have no blocks, and some file systems (images, VFAT) make up the
    time of change, in whole seconds.
    """
    if not stat.S_ISREG(found.st_mode) or not found.st_blocks or found.st_ctime_ns % 1_000_000_000 == 0:
        return ""
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {found.st_size}"


def _names(path: str, entry: Dependency | None = None) -> tuple[tuple[str, str], ...]:
    if not os.path.isdir(path) and os.path.exists(path):
        raise _Unreadable
    with os.scandir(path) as entries:
        return tuple(sorted((os.fsdecode(found.name), _type_of_entry(found)) for found in entries))


def _type_of_entry(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    return "regular" if entry.is_file(follow_symlinks=False) else "unknown"


def file_type(mode: int) -> str:
    """The type of a file, in Nix's words, by its mode.

    >>> file_type(0o100644), file_type(0o040755)
    ('regular', 'directory')
    """
    if stat.S_ISREG(mode):
        return "regular"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "unknown"


def _variable(name: str, entry: Dependency | None = None) -> str | None:
    return os.environ.get(name)


def _home(name: str, entry: Dependency | None = None) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None


class _Differs(Exception):
    """A filter would now be called for other files than before."""


def _tree(path: str, entry: Dependency) -> Any:
    """The hash of a tree, without the files that the filter left out; None if the tree now has other files than the filter was called for."""
    if entry.state != "found" or entry.value[1] is None:
        return nar.path_digest("sha256", path)[0].hex(), None
    known = {name: (kind, is_excluded) for name, kind, is_excluded in entry.value[1]}
    seen: set[str] = set()

    def accepts(inner: str, kind: str) -> bool:
        name = inner[len(path) + (path != "/") :]
        if name not in known or known[name][0] != kind:
            raise _Differs
        seen.add(name)
        return not known[name][1]

    try:
        digest = nar.path_digest("sha256", path, accepts)[0].hex()
    except _Differs:
        return None
    return (digest, entry.value[1]) if seen == set(known) else None


_QUESTIONS: dict[str, Callable[[str, Dependency], Any]] = {
    "file": _contents,
    "directory": _names,
    "status": lambda path, entry: file_type(os.lstat(path).st_mode),
    "target": lambda path, entry: file_type(os.stat(path).st_mode),
    "link": lambda path, entry: os.readlink(path),
    "tree": _tree,
    "variable": _variable,
    "home": _home,
    "time": lambda name, entry: int(time.time()),
    "valid": lambda path, entry: True if os.path.lexists(path) else None,
}


# ---- the record -------------------------------------------------------------------------------------------------


def from_record(
    record: list[tuple[str, bytes, bytes]], settings: Mapping[str, object], store: tuple[str, str | None]
) -> Dependencies:
    """Makes the dependencies of the machine's record.  It hashes the contents of files whose times and size are still those that were read."""
    found = Dependencies((), settings, store)
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    found.entries = tuple(_decoded(kind, name.decode(encoding, errors), value, found) for kind, name, value in record)
    return found


def sum_of_record(record: list[tuple[str, bytes, bytes]]) -> bytes:
    """A hash of the machine's record as it is; b"" if something in it was fetched, is fixed by a hash, was disputed, or could not be read."""
    from snowsnake.store import hashing

    if any(kind == "source" or _STATES[value[:1]] in ("fixed", "disputed", "failed") for kind, _, value in record):
        return b""
    pieces = [piece for kind, name, value in record for piece in (f"{kind} {len(name)} {len(value)} ".encode(), name, value)]
    return hashing.digest("sha256", b"".join(pieces))


def _decoded(kind: str, name: str, value: bytes, of: Dependencies) -> Dependency:
    state = _STATES[value[:1]]
    if state != "found":
        return Dependency(kind, name, state)
    if kind == "file":
        return _decoded_file(name, value, of)
    return Dependency(kind, name, state, _VALUES[kind](value[1:]))


def _decoded_file(name: str, value: bytes, of: Dependencies) -> Dependency:
    has_stamp, has_hash = value[1], value[2]
    if has_hash:
        end = _STAMP_AT + _STAMP_SIZE
        return Dependency("file", name, "found", value[end : end + 32].hex())
    try:
        digest, now = _hash(of.place(name))
    except (OSError, ValueError, _Unreadable):
        return Dependency("file", name, "disputed")
    # The machine writes these numbers in this way: a time before 1970 is negative.
    stamp = b"".join((n & _MASK).to_bytes(8, "little") for n in (now.st_mtime_ns, now.st_ctime_ns, now.st_ino, now.st_size))
    if has_stamp and stamp == value[_STAMP_AT : _STAMP_AT + _STAMP_SIZE]:
        if text := stamp_text(now):
            of.stamps[name] = text
        return Dependency("file", name, "found", digest)
    return Dependency("file", name, "disputed")


def _listing(value: bytes) -> tuple[tuple[str, str], ...]:
    return tuple(sorted([(entry[1:], _FILE_TYPES[ord(entry[0])]) for entry in os.fsdecode(value).split("\0") if entry]))


def _shape(value: bytes) -> Any:
    """The hash of a tree and, if something was left out of it, its entries (see `Dependency`), in the form of host/records.pyx."""
    if len(value) == 32:
        return value.hex(), None
    paths: list[bytes] = []
    entries: list[tuple[str, str, bool]] = []
    at = 32
    while at < len(value):
        kind, is_excluded = value[at], bool(value[at + 1])
        parent = int.from_bytes(value[at + 2 : at + 6], "little")
        end = value.index(0, at + 6)
        name = value[at + 6 : end]
        paths.append(paths[parent] + b"/" + name if paths and paths[parent] else name)
        if len(paths) > 1:
            entries.append((os.fsdecode(paths[-1]), _TREE_KINDS[kind], is_excluded))
        at = end + 1
    return value[:32].hex(), tuple(entries)


_VALUES: dict[str, Callable[[bytes], Any]] = {
    "directory": _listing,
    "status": lambda value: _FILE_TYPES[value[0]],
    "target": lambda value: _FILE_TYPES[value[0]],
    "link": os.fsdecode,
    "tree": _shape,
    "variable": os.fsdecode,
    "home": os.fsdecode,
    "time": lambda value: int.from_bytes(value, "little"),
    "valid": lambda value: True,
    "source": os.fsdecode,
}
