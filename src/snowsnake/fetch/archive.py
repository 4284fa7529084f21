"""Unpacks archives from untrusted sources: whatever their names are, nothing is written outside the target.

In: a downloaded file (tar, also compressed, or zip) and a path where nothing exists.  Out: the tree there, and the time of its
newest member.  Names are read as C++ Nix reads them: `..` and leading slashes stop at the root; of files with the same name, the last one counts.

The tree is planned in memory (`_Plan`), and files are only written into folders that the plan made: a link on the way is an error.
"""

from __future__ import annotations

import errno
import lzma
import math
import os
import re
import stat
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, BinaryIO

from snowsnake.fetch.errors import ArchiveError, FetchFailure
from snowsnake.fetch.tar_headers import Damaged, Header, HeaderLimit, NoGlobals
from snowsnake.store.decompress import decompressed
from snowsnake.store.removal import remove_if_possible

_PIECE_BYTES = 1 << 18
# Names that mean `.git` on some file system.
_DOT_GIT = re.compile(rb"(?:\.git|git~1)(?:[\\:].*|[ .]*)", re.IGNORECASE | re.DOTALL)
# `PK00` is in front of a zip file that was to become one of several parts.
_ZIP_STARTS = (b"PK\3\4", b"PK\5\6", b"PK00", b"PK\7\x08")
_MOST_ENTRIES = 8_000_000
# An archive may have at most this many bytes after unpacking.
_MOST_BYTES = 1 << 38
_MOST_DEPTH = 1000
# The target of a symbolic link in a zip file is held in memory; libarchive has the same limit.
_MOST_LINK_BYTES = 64 << 10
# An archive that unpacks to more than this many bytes is refused if it becomes more than this many times as large.
_SUSPECT_BYTES = 1 << 30
_SUSPECT_RATIO = 1200
# The exceptions of Python's modules for a file that is not an archive, or is damaged.
_DAMAGES = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError,
)  # fmt: skip


class _Plan:
    """The planned tree, whose files are written below *target* as they are added.  *check* is called now and then, and may raise."""

    def __init__(self, target: bytes, packed_bytes: int, check: Callable[[], None]) -> None:
        self.target = target
        # A folder is a dict, a file its number among the files of the archive, a link 0.
        self.root: dict[bytes, Any] = {}
        self.newest = 0
        self.written_bytes = 0
        self._packed_bytes = max(packed_bytes, 1)
        self._check = check
        self._entries = 0
        self._files = 0
        self._links: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}
        os.mkdir(target, 0o755)

    def count(self, mtime: float) -> None:
        self._entries += 1
        if self._entries > _MOST_ENTRIES:
            raise ArchiveError(f"the archive has more than {_MOST_ENTRIES} entries")
        if self._entries % 256 == 0:
            self._check()
        self.newest = max(self.newest, int(mtime))

    @property
    def has_entries(self) -> bool:
        return self._entries > 0

    def _grow(self, size: int) -> None:
        self.written_bytes += size
        if self.written_bytes > _MOST_BYTES or (
            self.written_bytes > _SUSPECT_BYTES and self.written_bytes > self._packed_bytes * _SUSPECT_RATIO
        ):
            raise ArchiveError(
                f"the archive of {self._packed_bytes} bytes unpacks to more than {self.written_bytes - size} bytes: it is taken for a bomb"
            )

    def pass_over(self, size: int) -> None:
        """Counts bytes that are read and not kept."""
        self._check()
        self._grow(size)

    def _folder(self, parts: tuple[bytes, ...]) -> tuple[dict[bytes, Any], bytes]:
        """The folder that a path is in, and its place on disk; it is made if necessary."""
        at, place = self.root, self.target
        if len(parts) > _MOST_DEPTH:
            raise ArchiveError(f"path '{_shown(parts)}' has more than {_MOST_DEPTH} parts")
        for part in parts[:-1]:
            place += b"/" + part
            following = at.get(part)
            if following is None:
                following = at[part] = {}
                os.mkdir(place, 0o755)
            elif not isinstance(following, dict):
                raise ArchiveError(f"path '{_shown(parts)}' has a non-directory parent")
            at = following
        return at, place + b"/" + parts[-1]

    def add_folder(self, parts: tuple[bytes, ...]) -> None:
        """Makes a folder, also in place of a link or of the first file: 2.34.8 adds folders at once, and those in other threads, later."""
        if not parts:
            return
        folder, place = self._folder(parts)
        known = folder.get(parts[-1])
        if isinstance(known, dict) or known:
            return
        if known is not None:
            os.unlink(place)
        folder[parts[-1]] = {}
        os.mkdir(place, 0o755)

    def add_file(self, parts: tuple[bytes, ...], is_executable: bool, pieces: Iterator[bytes]) -> None:
        """Writes a file in place of an entry of the same name, if that has a lower number.  Folders and links count as number 0, which the first file has, too."""
        if not parts:
            raise ArchiveError("the archive's root is a file")
        folder, place = self._folder(parts)
        number = self._files
        self._files += 1
        known = folder.get(parts[-1])
        if known is not None:
            if (0 if isinstance(known, dict) else known) >= number:
                for piece in pieces:
                    self._grow(len(piece))
                return
            remove_if_possible(os.fsdecode(place))
        folder[parts[-1]] = number
        mode = 0o555 if is_executable else 0o444
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), "wb", buffering=0) as file:
            os.fchmod(file.fileno(), mode)
            for piece in pieces:
                self._grow(len(piece))
                self._check()
                left = memoryview(piece)
                while left:
                    left = left[file.write(left) :]

    def add_symlink(self, parts: tuple[bytes, ...], link: bytes) -> None:
        if not parts:
            raise ArchiveError("the archive's root is a symbolic link")
        if not link:
            raise ArchiveError("bad archive: NAR contains invalid symlink target")
        folder, place = self._folder(parts)
        if parts[-1] not in folder:
            folder[parts[-1]] = 0
            os.symlink(link, place)

    def add_hard_link(self, parts: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
        self._links[parts] = other

    def finish(self) -> None:
        """Makes the hard links.  They come last, because the files that they link to may come after them in the archive."""
        for parts in sorted(self._links):
            other = self._links[parts]
            if not other:
                continue
            at: object = self.root
            for part in other:
                at = at.get(part) if isinstance(at, dict) else None
                if at is None:
                    raise ArchiveError(
                        f"path '{_shown(other)}' does not exist", [f"while creating a hard link from '{_shown(parts)}' to '{_shown(other)}'"]
                    )
            if isinstance(at, dict):
                raise ArchiveError(
                    "cannot create a hard link to a directory", [f"while creating a hard link from '{_shown(parts)}' to '{_shown(other)}'"]
                )
            if not parts:
                raise ArchiveError("the archive's root is a file")
            folder, place = self._folder(parts)
            if parts[-1] not in folder:
                folder[parts[-1]] = 0
                os.link(self.target + b"/" + b"/".join(other), place, follow_symlinks=False)


def _shown(parts: tuple[bytes, ...]) -> str:
    return "/" + os.fsdecode(b"/".join(parts))


def _parts(name: bytes) -> tuple[bytes, ...]:
    """A name as a path below the root.

    >>> _parts(b"/a/./../../b//c/")
    (b'b', b'c')
    """
    found: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            del found[-1:]
        elif part not in (b"", b"."):
            if _DOT_GIT.fullmatch(part):
                # C++ Nix unpacks into objects of libgit2, which refuses such names in these words.
                raise ArchiveError(
                    f"adding a file to a tree builder: failed to insert entry: invalid name for a tree entry - {os.fsdecode(part)} "
                    "(libgit2 error code = 14)"
                )
            found.append(part)
    return tuple(found)


def unpack(
    source: str | BinaryIO, target: str, check: Callable[[], None] = lambda: None, *, is_named: bool = False, is_streamed: bool = False
) -> int:
    """Unpacks a file, open or at a path, to *target*, and returns the time of the newest member.  *check* is called now and then, and may raise.

    *is_named*: C++ Nix opens the file by its name here, and reports in other words that it is not an archive.  *is_streamed*: it reads the file from the
    first byte to the last; modes and links of a zip file are at its end, and do not count.
    """
    try:
        with open(source, "rb") if isinstance(source, str) else nullcontext(source) as file:
            plan = _Plan(os.fsencode(target), os.fstat(file.fileno()).st_size, check)
            stream = decompressed(file)
            start = stream.peek(4)
            # Something else may be in front of a zip file, such as a program that unpacks it.
            if start in _ZIP_STARTS or (not is_streamed and not stream.is_compressed and _ends_as_zip(file)):
                _unpack_zip(file if not stream.is_compressed else _spooled(stream, plan), plan, is_streamed)
            elif start:
                _unpack_tar(stream, plan)
                _check_end(stream, plan)
            plan.finish()
            return plan.newest
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise FetchFailure(f"writing below '{target}': {error.strerror}") from None
        raise ArchiveError(f"cannot unpack the archive: {error.strerror or error}") from None
    except tarfile.ReadError as error:
        # Only its text tells a file that ends too early from one that is not an archive.
        if "end of data" not in str(error):
            raise _cannot_open(str(error), is_named) from None
        raise ArchiveError("cannot read file from tarball: Truncated input file") from None
    except (Damaged, *_DAMAGES) as error:
        raise _cannot_open(str(error), is_named) from None


def _cannot_open(reason: str, is_named: bool) -> ArchiveError:
    return ArchiveError(f"failed to open archive: {reason}" if is_named else f"Failed to open archive ({reason})")


def single_folder(target: str) -> str:
    """The root of the tree: the folder that is alone at the top, if there is one, otherwise *target*."""
    with os.scandir(target) as entries:
        found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry, _ in zip(entries, range(2), strict=False)]
    return found[0][0] if len(found) == 1 and found[0][1] else target


# ---- tar --------------------------------------------------------------------------------------------------------


def _unpack_tar(stream: Any, plan: _Plan) -> None:
    limited: Any = HeaderLimit(stream)
    try:
        with tarfile.open(
            fileobj=limited, mode="r|", tarinfo=Header, encoding="utf-8", errors="surrogateescape", bufsize=_PIECE_BYTES,
            pax_headers=NoGlobals(),
        ) as tar:
            for member in tar:
                tar.members = []               # type: ignore[attr-defined]
                # A module that does not check headers would take damage for the end of the archive.
                if not getattr(member, "is_checked", False):
                    raise ArchiveError(f"archives cannot be read with the module tarfile of this Python ({sys.version.split()[0]})")
                plan.count(member.mtime)
                limited.allow(math.inf)
                _add_member(tar, member, plan)
                # What was not read of the entry is passed over.
                limited.allow(max(tar.offset - tar.fileobj.tell(), 0))
    except Damaged as error:
        if error.is_header:
            raise ArchiveError("cannot get archive member name: Damaged tar archive (bad header checksum)") from None
        raise Damaged(str(error) if plan.has_entries else "Unrecognized archive format") from None


# The kinds of entries that are not files, and what they are called; 0: they are unpacked.
_KINDS = {
    tarfile.CHRTYPE: 0o020000, tarfile.BLKTYPE: 0o060000, tarfile.FIFOTYPE: 0o010000, tarfile.DIRTYPE: 0, tarfile.LNKTYPE: 0, tarfile.SYMTYPE: 0,
}  # fmt: skip
# GNU tar writes these: a label of the archive, and a folder with the list of its files as contents.
_VOLUME, _DUMPED_FOLDER = b"V", b"D"


def _add_member(tar: tarfile.TarFile, member: tarfile.TarInfo, plan: _Plan) -> None:
    parts = _parts(os.fsencode(member.name))
    if member.type == _VOLUME:
        return
    # As libarchive has it, types that nobody knows are files, and a file whose name ends with a slash is a folder.
    is_file = member.isreg() or member.type not in _KINDS
    if member.isdir() or member.type == _DUMPED_FOLDER or (is_file and member.name.endswith("/")):
        plan.add_folder(parts)
    elif member.islnk():
        plan.add_hard_link(parts, _parts(os.fsencode(member.linkname)))
    elif member.issym():
        plan.add_symlink(parts, os.fsencode(member.linkname))
    elif is_file:
        contents = tar.extractfile(member)
        assert contents is not None
        plan.add_file(parts, bool(member.mode & stat.S_IXUSR), _pieces(contents, member.size))
    else:
        raise ArchiveError(f"file '{member.name}' in tarball has unsupported file type {_KINDS[member.type]}")


def _check_end(stream: Any, plan: _Plan) -> None:
    """Reads what is left after the tar, as libarchive does: the rest of the compressed data may be damaged."""
    if stream.is_compressed:
        while piece := stream.read(_PIECE_BYTES):
            plan.pass_over(len(piece))
        stream.check_end()


def _pieces(contents: Any, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = contents.read(min(left, _PIECE_BYTES))
        if not piece:
            raise Damaged("Truncated tar archive")
        left -= len(piece)
        yield piece


# ---- zip --------------------------------------------------------------------------------------------------------


def _spooled(stream: Any, plan: _Plan) -> BinaryIO:
    """Unpacks a compressed zip file into a temporary file, because `zipfile` does not read streams."""
    import tempfile

    file = tempfile.TemporaryFile()
    while piece := stream.read(_PIECE_BYTES):
        plan._grow(len(piece))
        file.write(piece)
    return file


def _unpack_zip(source: str | BinaryIO, plan: _Plan, is_streamed: bool) -> None:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            plan.count(_zip_time(member))
            if member.flag_bits & 1:
                raise ArchiveError(f"file '{member.filename}' in the archive is encrypted")
            name = member.orig_filename.encode("cp437" if not member.flag_bits & 0x800 else "utf-8", "surrogateescape")
            # Programs for DOS put backslashes between folders.
            parts = _parts(name if b"/" in name else name.replace(b"\\", b"/"))
            mode = member.external_attr >> 16 if member.create_system in (3, 19) and not is_streamed else 0
            if name.endswith(b"/") or stat.S_ISDIR(mode):
                plan.add_folder(parts)
            elif stat.S_ISLNK(mode):
                if member.file_size > _MOST_LINK_BYTES:
                    raise ArchiveError("failed to extract archive (Zip file with oversized link entry)")
                plan.add_symlink(parts, archive.read(member))
            elif stat.S_IFMT(mode) and not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise ArchiveError(f"file '{member.filename}' in tarball has unsupported file type {stat.S_IFMT(mode)}")
            else:
                with archive.open(member) as contents:
                    plan.add_file(parts, bool(mode & stat.S_IXUSR), iter(lambda c=contents: c.read(_PIECE_BYTES), b""))      # type: ignore[misc]


def _ends_as_zip(file: BinaryIO) -> bool:
    """Whether the list of files that is at the end of a zip file is there; the file's position stays."""
    position = file.tell()
    try:
        return zipfile.is_zipfile(file)
    finally:
        file.seek(position)


def _zip_time(member: zipfile.ZipInfo) -> float:
    """The time in the extra field, if there is one; otherwise the entry's plain time, which has no zone and counts as local time."""
    extra = member.extra
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        if kind == 0x5455 and size >= 5 and extra[4] & 1:
            return int.from_bytes(extra[5:9], "little", signed=True)
        extra = extra[4 + size :]
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (OverflowError, ValueError):
        return 0
