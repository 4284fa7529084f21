"""`snowsnake hash`: hashes of files and trees, and conversion of hashes between encodings.

In: paths or hashes.  Out: one hash a line.
"""

import os

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write_line
from snowsnake.store.hashing import ALGORITHMS

OPTIONS = (
    CommandOption("--type", "ALGORITHM", "md5, sha1, sha256 (the default), sha512 or blake3"),
    CommandOption("--to", "ENCODING", "sri (the default), nix32, base16 or base64"),
    HELP_OPTION,
)
USAGE = "snowsnake hash (file | path | convert) [OPTION …] (PATH … | HASH …)"
SUMMARY = (
    "file: hash the bytes of files.  path: hash the NAR archive of files and folders, as `nix hash path` does.\n"
    "convert: write hashes in another encoding."
)
_ENCODINGS = ("sri", "nix32", "base32", "base16", "base64")


def run(given: Arguments, reporter: Reporter) -> int:
    action, words = given.action("file", "path", "convert")
    encoding = given.text("to", "sri")
    if encoding not in _ENCODINGS:
        raise UsageError(f"unknown encoding '{encoding}': one of {', '.join(_ENCODINGS)}")
    algorithm = given.text("type")
    if algorithm and algorithm not in ALGORITHMS:
        raise UsageError(f"unknown hash algorithm '{algorithm}': one of {', '.join(ALGORITHMS)}")
    if not words:
        raise UsageError(f"'snowsnake hash {action}' needs at least one argument")
    for word in words:
        write_line(_hash(action, word, algorithm, encoding).encode())
    return 0


def _hash(action: str, word: str, algorithm: str, encoding: str) -> str:
    from snowsnake.store import hashing

    if action == "convert":
        try:
            algorithm, digest = hashing.parse_hash(word, algorithm or None)
        except ValueError as error:
            raise UsageError(str(error)) from None
        return hashing.format_hash(algorithm, digest, encoding)
    algorithm = algorithm or "sha256"
    if action == "file":
        digest = hashing.file_digest(algorithm, os.path.abspath(word))[0]
    else:
        from snowsnake.store import nar

        digest = nar.path_digest(algorithm, os.path.abspath(word))[0]
    return hashing.format_hash(algorithm, digest, encoding)
