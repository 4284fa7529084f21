"""Answers that can be computed again, a file for each: several processes use them at once, and a kill leaves them whole.

In: keys, which are hashes, and texts.  Out: the texts, later; None for one that is not there, is damaged or was removed because there were too many.
Layout: `evaluations/K/KEY`, where K is the first digit of the key: the size of each of the sixteen folders is limited.  A database instead would
take longer to open than a small flake to evaluate.
"""

import os
import time

from snowsnake.cache.seals import sealed, unsealed

FOLDER = "evaluations"
_SAME_DAY_S = 86400
_FOLDERS = 16
# A small file takes this much room on disk.
_BLOCK_BYTES = 4096
# An answer that is not compressed begins with this byte, as a list in JSON does; compressed data never begins with it.
_PLAIN = b"["


class AnswerFiles:
    """The answers below a folder.  `limit_bytes` is for all of them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     answers = AnswerFiles(folder, 1 << 20)
    ...     answers.keep(b"key", "text")
    ...     answers.find(b"key"), answers.find(b"another")
    ('text', None)
    """

    def __init__(self, folder: str, limit_bytes: int) -> None:
        self._folder = os.path.join(folder, FOLDER)
        self._limit_bytes = limit_bytes // _FOLDERS

    def _place(self, key: bytes) -> str:
        name = key.hex()
        return os.path.join(self._folder, name[0], name)

    def find(self, key: bytes) -> str | None:
        """The text that was kept last under a key."""
        path = self._place(key)
        try:
            with open(path, "rb") as file:
                kept = file.read()
                age_s = time.time() - os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        text = unpacked(kept)
        if text is None:
            return None
        if abs(age_s) > _SAME_DAY_S:
            try:
                # Answers that are used stay longest.
                os.utime(path)
            except OSError:
                pass
        return text

    def keep(self, key: bytes, text: str) -> None:
        """Writes a text; one that cannot be written is computed again."""
        from snowsnake.foundation.replacing import replace_file

        path = self._place(key)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            replace_file(path, [packed(text)])
            self._shrink(os.path.dirname(path))
        except OSError:
            pass

    def _shrink(self, folder: str) -> None:
        """Removes what was not used for longest if the files take too much, until half is left."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, max(status.st_size, _BLOCK_BYTES), entry.path))
        if sum(size for _, size, _ in found) <= self._limit_bytes:
            return
        left = self._limit_bytes // 2
        for _, size, path in sorted(found, reverse=True):
            left -= size
            if left < 0:
                os.unlink(path)


def packed(text: str) -> bytes:
    """The content of the file for a text.  It is compressed if that saves a block: loading the library takes as long as reading several blocks.

    >>> unpacked(packed("[1]")), unpacked(b"damaged")
    ('[1]', None)
    """
    plain = text.encode("utf-8", "surrogatepass")
    if len(plain) < _BLOCK_BYTES and plain.startswith(_PLAIN):
        return sealed(plain)
    import zlib

    return sealed(zlib.compress(plain, 1))


def unpacked(kept: bytes) -> str | None:
    """The text of a file; None if the file is damaged."""
    try:
        inner = unsealed(kept)
        if not inner.startswith(_PLAIN):
            import zlib

            try:
                inner = zlib.decompress(inner)
            except zlib.error:
                return None
        return inner.decode("utf-8", "surrogatepass")
    except ValueError:
        return None
