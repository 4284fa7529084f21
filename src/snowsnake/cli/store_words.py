"""Words of a command line that mean store objects; and the form of sizes.

In: a `Store`, words.  Out: store paths.  A word that is not a store path is a ValueError in 2.34.8's words.
"""

import os

TYPE_CHECKING = False                 # `typing` would be imported by every command
if TYPE_CHECKING:
    from snowsnake.store.interface import Store

_MAX_LINKS = 1024
_UNITS = "KMGTPEZY"


def followed(store: "Store", word: str) -> str:
    """The object that a path is, lies in, or leads to by links from outside the store."""
    path = os.path.abspath(word) if word else os.getcwd()
    for _ in range(_MAX_LINKS):
        if path.startswith(store.store_dir + "/") or not os.path.islink(path):
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    else:
        raise ValueError(f"too many symbolic links encountered while resolving '{word}'")
    if not path.startswith(store.store_dir + "/"):
        raise ValueError(f'path "{path}" is not in the Nix store')
    return store.split(path)[0]


def parsed(store: "Store", word: str) -> str:
    """The object whose path a word is, exactly."""
    if not word.startswith("/"):
        raise ValueError(f'not an absolute path: "{word}"')
    path = os.path.normpath(word)
    if os.path.dirname(path) != store.store_dir:
        raise ValueError(f'path "{path}" is not in the Nix store')
    return store.parse(path)


def size_text(size: int, *, is_aligned: bool = False) -> str:
    """A number of bytes in the unit that fits, as 2.34 writes it.

    >>> size_text(0), size_text(120), size_text(-3 << 20), size_text(120, is_aligned=True)
    ('0.0 KiB', '0.1 KiB', '-3.0 MiB', '   0.1 KiB')
    """
    value, power = float(size), 0
    while True:
        value /= 1024
        if abs(value) < 1024 or power == len(_UNITS) - 1:
            break
        power += 1
    digits = f"{value:6.1f}" if is_aligned else f"{value:.1f}"
    return f"{digits} {_UNITS[power]}iB"
