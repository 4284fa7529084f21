"""Hashes of files, folders and texts, as in `nix hash` and `nix-hash`: names of algorithms, formats and methods, and their errors.

In: words of a command line.  Out: digests and texts.  A wrong name raises a UsageError, a wrong hash or file an EvaluationError,
each in 2.34.8's words.
"""

import os

from snowsnake.cli.options import UsageError
from snowsnake.cli.output import opening_error
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.settings import Settings
from snowsnake.store.hashing import ALGORITHMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from snowsnake.store.hashing import HashStream

# A format's names, and how `hashing.format_hash` calls it.
FORMATS = {"base16": "base16", "nix32": "nix32", "base32": "nix32", "base64": "base64", "sri": "sri"}


def check_algorithm(name: str) -> None:
    """Raises an error if the name is not that of a hash algorithm."""
    if name not in ALGORITHMS:
        raise UsageError(f"unknown hash algorithm '{name}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'")


def algorithm(name: str, settings: Settings) -> str:
    """The hash algorithm that a command line names; raises an error if its feature is off."""
    check_algorithm(name)
    if name == "blake3":
        settings.require("blake3-hashes")
    return name


def hash_format(name: str, warn: "Callable[[str], None]") -> str:
    """The hash format that a command line names, as `hashing.format_hash` calls it."""
    if name not in FORMATS:
        raise UsageError(f"unknown hash format '{name}', expect 'base16', 'base32', 'base64', or 'sri'")
    if name == "base32":
        warn('"base32" is a deprecated alias for hash format "nix32".')
    return FORMATS[name]


def ingestion_method(name: str) -> str:
    """How a file or folder is hashed: flat, nar or git, which needs a feature (`require_method`)."""
    if name not in ("flat", "nar", "git"):
        raise UsageError(f"Unknown file ingestion method '{name}', expect `flat`, `nar`, or `git`")
    return name


def require_method(name: str, settings: Settings) -> None:
    """Raises an error if the feature that a way to hash needs is off; C++ Nix looks only when there is something to hash."""
    if name == "git":
        settings.require("git-hashing")


def parse(text: str, kind: str | None, settings: Settings) -> tuple[str, bytes]:
    """(algorithm, digest) of a hash in any form; *kind*: the algorithm that the command line names."""
    from snowsnake.store import hashing

    mark = ":" if ":" in text else "-"
    if mark in text:
        algorithm(text.partition(mark)[0], settings)
    try:
        return hashing.parse_hash(text, kind)
    except ValueError as error:
        raise as_error(error) from None


def converted(text: str, kind: str | None, wanted: str, encoding: str, settings: Settings) -> str:
    """A hash in another format; an error if *wanted* is not the format that it has."""
    name, digest = parse(text, kind, settings)
    if wanted and (found := _format_of(text, name, digest)) != wanted:
        message = f"input hash '{text}' has format '{found}', but '--from {wanted}' was specified"
        raise EvaluationError("value", message)
    return written(name, digest, encoding)


def _format_of(text: str, name: str, digest: bytes) -> str:
    """The encoding of a hash that was parsed: its length decides."""
    if text.startswith(name + "-"):
        return "sri"
    size = len(text.rpartition(":")[2])
    if size == 2 * len(digest):
        return "base16"
    return "nix32" if size == (len(digest) * 8 - 1) // 5 + 1 else "base64"


def path_digest(path: str, method: str, kind: str, settings: Settings) -> bytes:
    """The digest of a file's bytes (*flat*), or of the archive or Git tree of a file or folder."""
    from snowsnake.store import hashing

    if method == "flat":
        return _flat(path, hashing.HashStream(kind))
    full = real_parent(path)
    if not os.path.lexists(full):
        raise EvaluationError("file", f"path '/{full}' does not exist")
    require_method(method, settings)
    if method == "git":
        from snowsnake.store.git_hash import git_digest

        return git_digest(kind, full)
    from snowsnake.store import nar

    return nar.path_digest(kind, full)[0]


def real_parent(path: str) -> str:
    """The absolute path, of which only the last part may be a symbolic link; raises an error if its folder does not exist."""
    full = os.path.abspath(path)
    parent, name = os.path.split(full)
    if not os.path.lexists(parent):
        raise EvaluationError("file", f'canonicalising parent path of "{full}": No such file or directory')
    return os.path.join(os.path.realpath(parent), name)


def _flat(path: str, stream: "HashStream") -> bytes:
    """The digest of what can be read from a path.  The file need not be regular: pipes have contents, too."""
    try:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(1 << 16):
                stream.update(piece)
    except IsADirectoryError as error:
        raise EvaluationError("file", f"read of 65536 bytes: {error.strerror}") from None
    except OSError as error:
        raise opening_error(path, error) from None
    return stream.digest()


def shortened(digest: bytes, size: int) -> bytes:
    """A digest that is folded to *size* bytes, as those in store paths are."""
    folded = bytearray(size)
    for place, byte in enumerate(digest):
        folded[place % size] ^= byte
    return bytes(folded)


def written(kind: str, digest: bytes, encoding: str) -> str:
    """The text of a digest, which may be a shortened one."""
    from binascii import b2a_base64

    from snowsnake.store import hashing

    if encoding == "sri":
        return f"{kind}-{b2a_base64(digest, newline=False).decode()}"
    if encoding == "base64":
        return b2a_base64(digest, newline=False).decode()
    return digest.hex() if encoding == "base16" else hashing.encode_base32(digest)
