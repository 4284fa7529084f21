"""The text in which stores exchange the facts about valid paths: `nix-store --dump-db`, `--load-db`, `--register-validity`.

In: `PathInfo`s, or lines.  Out: lines, or `PathInfo`s.  Bad input is a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from snowsnake.store import hashing, store_path
from snowsnake.store.path_info import PathInfo

_MAX_SIZE = (1 << 64) - 1


def write_registration(info: PathInfo, *, is_brief: bool = False) -> str:
    """The lines of one path: path, hash and size of its archive, deriver, references; *is_brief*: without hash, size and deriver, as in
    `exportReferencesGraph`.

    >>> write_registration(PathInfo("/nix/store/x", "sha256:00", 120))
    '/nix/store/x\\n00\\n120\\n\\n0\\n'
    """
    facts = [""] if is_brief else [info.nar_hash.partition(":")[2], str(info.nar_size), info.deriver or ""]
    lines = [info.path, *facts, str(len(info.references))]
    return "".join(line + "\n" for line in [*lines, *sorted(info.references)])


def read_registrations(stream: BinaryIO, store_dir: str, *, has_hashes: bool) -> Iterator[PathInfo]:
    """Reads until the stream ends; ValueError for bad input.  *has_hashes*: whether the text has hashes and sizes, which are "" and 0 otherwise."""
    while True:
        first = stream.readline()
        if not first.endswith(b"\n"):
            # Nix 2.34 also drops a last line that does not end with a newline.
            return
        digest, size = "", 0
        if has_hashes:
            algorithm, raw = hashing.parse_hash(_line(stream), "sha256")
            digest, size = f"{algorithm}:{raw.hex()}", _number(_line(stream))
        path = _path(_text(first), store_dir)
        deriver = _line(stream)
        count = _number(_line(stream))
        references = []
        for _ in range(count):
            line = stream.readline()
            if not line:
                raise ValueError("missing input")
            references.append(_path(_text(line), store_dir))
        yield PathInfo(path, digest, size, sorted(set(references)), deriver=_path(deriver, store_dir) if deriver else None)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\n").decode("utf-8", "surrogateescape")


def _line(stream: BinaryIO) -> str:
    return _text(stream.readline())


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= _MAX_SIZE):
        raise ValueError("number expected")
    return int(text)


def _path(text: str, store_dir: str) -> str:
    store_path.parse(text, store_dir)
    return text
