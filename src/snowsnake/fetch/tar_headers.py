"""Headers of tar archives from untrusted sources, for the standard library's `tarfile`: as libarchive reads them, and never many in memory.

In: the stream of an archive.  Out: a class of headers and a stream for `tarfile.open`; `Damaged` or `ArchiveError` for headers that are not right.
"""

from __future__ import annotations

import tarfile
from typing import Any

from snowsnake.fetch.errors import ArchiveError

# Headers are held in memory: those between two entries may have this many bytes.
_MOST_HEADER_BYTES = 4 << 20


class Damaged(Exception):
    """The archive is damaged.  `is_header`: the checksum of an entry's header is wrong.

    This is not a subclass of tarfile's own errors, because tarfile takes these for the end of the archive.
    """

    def __init__(self, message: str, is_header: bool = False) -> None:
        super().__init__(message)
        self.is_header = is_header


# The method that reads a header: newer releases of every Python version call `_frombuf`, older ones `frombuf`.
_READER = "_frombuf" if hasattr(tarfile.TarInfo, "_frombuf") else "frombuf"


class Header(tarfile.TarInfo):
    is_checked = False


def _read_header(cls: type[Header], /, buf: bytes | bytearray, encoding: str, errors: str, **options: Any) -> Header:
    try:
        found: Header = getattr(super(Header, cls), _READER)(buf, encoding, errors, **options)
    except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):      # type: ignore[attr-defined]
        raise
    except tarfile.HeaderError:
        if len(buf) != tarfile.BLOCKSIZE:
            raise Damaged("Truncated tar archive") from None
        is_tar = buf[257:262] == b"ustar"
        raise Damaged("bad header checksum" if is_tar else "Unrecognized archive format", is_header=is_tar) from None
    if found.size < 0:
        # tarfile would go back.
        raise ArchiveError(_negative_size(found))
    found.is_checked = True
    return found


setattr(Header, _READER, classmethod(_read_header))


def _negative_size(header: tarfile.TarInfo) -> str:
    """What libarchive says of a header with a negative size."""
    if header.type == tarfile.XHDTYPE:
        return f"cannot get archive member name: pax extension header has invalid size: {header.size}"
    if header.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
        return f"cannot get archive member name: Special header has invalid size: {header.size}"
    return "failed to extract archive (Tar entry has negative file size)"


class HeaderLimit:
    """The stream of a tar.  Between two entries, tarfile reads headers and what it passes over; `allow` says how much that may be."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left: float = 0
        self.allow(0)

    def allow(self, size: float) -> None:
        """Allows *size* bytes besides headers."""
        self._left = size + _MOST_HEADER_BYTES

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise ArchiveError(f"the archive has headers of more than {_MOST_HEADER_BYTES >> 20} MiB for one entry")
        data: bytes = self._stream.read(size)
        return data


class NoGlobals(dict[str, str]):
    """The global headers of a pax archive, which count for nothing, as libarchive has it."""

    def __setitem__(self, name: str, value: str) -> None:
        """Drops a header."""

    def copy(self) -> dict[str, str]:
        return {}
