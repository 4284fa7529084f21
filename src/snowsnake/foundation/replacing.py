"""Files and links that replace others atomically: other processes see the old one or the new one, and never a part.

In: a path.  Out: what is there now.  A failure leaves the old one, and nothing beside it; a killed process may leave a hidden file.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def replace_file(path: str, pieces: "Iterable[bytes]", *, is_synced: bool = False) -> None:
    """Writes a file.  *is_synced*: its contents are on the disk before it has its name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(folder + "/a", [b"old"])
    ...     replace_file(folder + "/a", [b"n", b"ew"])
    ...     open(folder + "/a").read(), os.listdir(folder)
    ('new', ['a'])
    """
    new = _beside(path)
    # A file of that name would belong to another process.
    file = open(new, "xb")                                        # noqa: SIM115
    try:
        with file:
            for piece in pieces:
                file.write(piece)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        _remove(new)
        raise


def replace_link(link: str, target: str) -> None:
    """Makes a link to *target*.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_link(folder + "/a", "old")
    ...     replace_link(folder + "/a", "new")
    ...     os.readlink(folder + "/a"), os.listdir(folder)
    ('new', ['a'])
    """
    new = _beside(link)
    os.symlink(target, new)
    try:
        os.replace(new, link)
    except BaseException:
        _remove(new)
        raise


def _beside(path: str) -> str:
    """A name for a new file in the same folder: the longest name may have no room for a suffix."""
    return os.path.join(os.path.dirname(path), f".new-{os.urandom(8).hex()}")


def _remove(new: str) -> None:
    """Removes what did not get its name.  An interrupt may also come just after it did."""
    try:
        os.unlink(new)
    except FileNotFoundError:
        pass
