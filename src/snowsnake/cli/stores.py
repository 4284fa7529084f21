"""Which embedded store a command means.

In: the address of a store.  Out: the folder of an embedded one, if it is one.
"""

import os

from snowsnake.settings.errors import SettingError
from snowsnake.settings.store_reference import StoreReference


def store_folder(store: StoreReference) -> str | None:
    """The folder of an embedded store that `--store` of nix-instantiate means; None for a store of the machine's.

    >>> store_folder(StoreReference.parse("local?root=/srv/store")), store_folder(StoreReference.parse("daemon"))
    ('/srv/store', None)
    """
    if store.is_word or store.scheme in ("dummy", "unix"):
        return None
    if store.scheme == "local":
        root = store.parameters.get("root") or store.path()
        return os.path.abspath(root) if root else None
    raise SettingError(f"don't know how to open Nix store with scheme '{store.scheme}'", is_usage=False)
