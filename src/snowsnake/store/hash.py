"""A hash as a value: algorithm and digest, read from and written to every text form that Nix uses.

In: bytes, files, texts.  Out: `Hash`.  A malformed text is a ValueError with Nix's message.
"""

from __future__ import annotations

from os import PathLike

from snowsnake.foundation.record import Record
from snowsnake.store import hashing

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE_BYTES = 1 << 18


class Hash(Record):
    """*algorithm* is md5, sha1, sha256, sha512 or blake3; *digest* its raw bytes.  ValueError if they do not fit each other.

    >>> found = Hash.of_bytes(b"snow")
    >>> found.sri
    'sha256-p0YiLwnYVgXFLU5jZ4jW/9wnRpi5i4xfMkTAaVhoOmk='
    >>> Hash.parse(found.format("nix32", with_algorithm=True)) == found
    True
    """

    __slots__ = ("algorithm", "digest")
    algorithm: str
    digest: bytes

    def __init__(self, algorithm: str, digest: bytes) -> None:
        if not isinstance(algorithm, str) or not isinstance(digest, bytes):
            raise TypeError(f"a hash has the name of an algorithm (str) and a digest (bytes), not {type(algorithm).__name__} and {type(digest).__name__}")
        # This refuses unknown algorithms and wrong sizes.
        hashing.format_hash(algorithm, digest, "base16")
        self._set(algorithm, digest)

    @classmethod
    def parse(cls, text: str, algorithm: str | None = None) -> Hash:
        """From "sha256:…" in base16, nix32 or base64, "sha256-…" (SRI), or with *algorithm* the bare digits.

        >>> Hash.parse("0" * 52, "sha256").digest == bytes(32)
        True
        """
        return cls(*hashing.parse_hash(text, algorithm))

    @classmethod
    def of_bytes(cls, data: bytes, algorithm: str = "sha256") -> Hash:
        """The hash of bytes, or of another contiguous buffer (`nix hash file` of a file with these bytes)."""
        return cls(algorithm, hashing.digest(algorithm, data))

    @classmethod
    def of_file(cls, path: str | PathLike[str], algorithm: str = "sha256") -> Hash:
        """The hash of a file's bytes (`nix hash file`)."""
        return cls(algorithm, hashing.file_digest(algorithm, path)[0])

    @classmethod
    def of_path(cls, path: str | PathLike[str], algorithm: str = "sha256") -> Hash:
        """The hash of the NAR of a file or folder (`nix hash path`), which is streamed."""
        from snowsnake.store import nar

        return cls(algorithm, nar.path_digest(algorithm, path)[0])

    @classmethod
    def of_stream(cls, stream: BinaryIO, algorithm: str = "sha256") -> Hash:
        """The hash of the rest of a stream, which is read to its end."""
        if not hasattr(stream, "read"):
            raise TypeError(f"a stream is an open binary file, not {type(stream).__name__}")
        hasher = hashing.HashStream(algorithm)
        while piece := stream.read(_PIECE_BYTES):
            hasher.update(piece)
        return cls(algorithm, hasher.digest())

    def format(self, encoding: str, *, with_algorithm: bool = False) -> str:
        """*encoding*: base16, nix32, base64 or sri; with *with_algorithm*, "sha256:" comes first."""
        return hashing.format_hash(self.algorithm, self.digest, encoding, with_algorithm=with_algorithm)

    @property
    def base16(self) -> str:
        """The digest in base 16, without the algorithm."""
        return self.digest.hex()

    @property
    def nix32(self) -> str:
        """The digest in Nix's base 32, without the algorithm."""
        return self.format("nix32")

    @property
    def base64(self) -> str:
        """The digest in base 64, without the algorithm."""
        return self.format("base64")

    @property
    def sri(self) -> str:
        """`sha256-…`, as in attributes named `hash`."""
        return self.format("sri")

    def __str__(self) -> str:
        return self.sri


def convert_hash(text: str, to: str, algorithm: str | None = None) -> str:
    """*text* in another encoding, as `builtins.convertHash` returns it: base16, nix32, base64 or sri.

    >>> convert_hash("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "nix32") == "0" * 52
    True
    """
    return Hash.parse(text, algorithm).format(to)
