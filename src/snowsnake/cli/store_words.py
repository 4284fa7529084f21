"""Words of a command line that mean store objects.

In: a `Store`, words.  Out: store paths.  A word that is not a store path is a ValueError in 2.34.8's words.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store


def followed(store: "Store", word: str) -> str:
    """The object that a path means: the path is the object, is inside it, or leads to it by links from outside the store."""
    path = os.path.abspath(word) if word else os.getcwd()
    if os.path.islink(path):
        from snowsnake.foundation.links import TooManyLinks, follow_links

        try:
            path = follow_links(path, lambda path: path.startswith(store.store_dir + "/"))
        except TooManyLinks:
            raise ValueError(f"too many symbolic links encountered while resolving '{word}'") from None
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
