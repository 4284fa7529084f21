"""Where a store is: the prefix of its paths, the folder with its objects, the folder with its state; or a store that accepts nothing.

In: folders.  Out: `StorePlace`, `DaemonPlace`, `DummyStore`.  Nothing is opened before `open`.
"""

import os

from snowsnake.store import may_write

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from snowsnake.store.daemon.store import DaemonStore
    from snowsnake.store.local import Builder, LocalStore


class StorePlace:
    """A store in folders: paths begin with `store_dir`, objects lie in `real`; the database and roots are below `state`.

    `name` is its name in messages.  `builder` builds in it, and `optimises` says whether equal files share a copy
    (store/local.py).  `requires_signatures`: whether copies to it need signatures; None leaves the choice to the settings.
    `is_machines`: it is the store of the machine itself, which a command that only asks does not create;
    `is_written` says whether we may add to it.

    >>> place = StorePlace.in_root("/srv", "/gnu/store")
    >>> place.store_dir, place.real, place.state
    ('/gnu/store', '/srv/nix/store', '/srv/nix/var/nix')
    """

    __slots__ = ("store_dir", "real", "state", "name", "is_machines", "is_written", "builder", "optimises", "on_warning", "requires_signatures", "log_folder")

    # This says whether the store's database is written to even by a command that only asks.
    notes_what_it_reads = False

    def __init__(self, store_dir: str, real: str, state: str, name: str = "", *, is_machines: bool = False) -> None:
        self.store_dir = store_dir
        self.real = real
        self.state = state
        self.name = name or real
        self.is_machines = is_machines
        self.builder: Builder | None = None
        self.optimises = False
        self.on_warning: Callable[[str], None] | None = None
        self.requires_signatures: bool | None = None
        # This is the folder for the logs of builds; "" leaves the choice to the environment.
        self.log_folder = ""
        self.is_written = not is_machines or may_write(real, state)

    @property
    def has_database(self) -> bool:
        """Whether the store was created already."""
        return os.path.exists(os.path.join(self.state, "db/db.sqlite"))

    @classmethod
    def in_root(cls, root: str, store_dir: str = "/nix/store") -> "StorePlace":
        """A whole store below one folder, in the layout of `nix --store DIR`."""
        return cls(store_dir, root + "/nix/store", root + "/nix/var/nix", root)

    def open(self, *, read_only: bool = False) -> "LocalStore":
        """Opens the store, which is created if it does not exist, unless it is opened *read_only*."""
        store = self._made(real=self.real, state=self.state, builder=self.builder, optimises=self.optimises, read_only=read_only)
        store.requires_signatures = self.requires_signatures
        store.log_folder = self.log_folder
        if self.on_warning is not None:
            store.on_warning = self.on_warning
        return store

    def _made(self, **options: "Any") -> "LocalStore":
        from snowsnake.store.local import LocalStore

        return LocalStore(self.name, self.store_dir, **options)


class DaemonPlace:
    """A store behind the daemon that listens at *socket*; its paths begin with `store_dir` and lie in `real`."""

    __slots__ = ("store_dir", "real", "socket", "name", "options", "on_message", "on_event")

    def __init__(
        self, socket: str, store_dir: str, real: str, *, name: str = "daemon", options: "Callable[[], dict[str, str]] | None" = None,
        on_message: "Callable[[str, bool], None] | None" = None, on_event: "Callable[[dict[str, object], str, bool], None] | None" = None,
    ) -> None:  # fmt: skip
        self.socket = socket
        self.store_dir = store_dir
        self.real = real
        self.name = name
        self.options = options
        self.on_message = on_message
        self.on_event = on_event

    def open(self) -> "DaemonStore":
        from snowsnake.store.daemon.store import DaemonStore

        return DaemonStore(
            self.socket, self.store_dir, real=self.real, options=self.options, on_message=self.on_message, on_event=self.on_event, name=self.name
        )


class DummyStore:
    """The store `dummy://`, which is empty.  If it is read-only, an addition during evaluation is an error in 2.34.8's words.

    Otherwise an evaluator does not get this store, and remembers its additions itself.
    """

    __slots__ = ("store_dir", "is_read_only", "root", "must_stop")

    real = None
    name = url = "dummy://"

    def __init__(self, store_dir: str, *, is_read_only: bool = True) -> None:
        self.store_dir = store_dir
        self.is_read_only = is_read_only
        self.root = "dummy://"

    def open(self) -> "DummyStore":
        return self

    def is_valid(self, path: str) -> bool:
        return False

    def valid_among(self, paths: "Iterable[str]", *, substitutes: bool = False) -> set[str]:
        return set()

    def lies_in(self, place: object) -> bool:
        return False

    def keep(self, path: str) -> None:
        """There is nothing to protect."""

    def flush(self) -> None:
        """There is nothing to write."""

    def close(self) -> None:
        """There is nothing to close."""

    def _refuse(self, operation: str) -> "NoReturn":
        from snowsnake.store.interface import Unsupported

        raise Unsupported(operation, self.url)

    def add_derivation(self, text: bytes, name: str, drv_path: str | None = None) -> "NoReturn":
        self._refuse("writeDerivation")

    def add_text(self, *added: object) -> "NoReturn":
        self._refuse("addToStoreFromDump")

    add_flat = add_archive = add_source = add_text

    def open_temporary(self) -> int:
        self._refuse("addToStoreFromDump")

    def realise(self, wanted: object) -> "NoReturn":
        self._refuse("buildPaths")

    def add_root(self, link: str, path: str) -> "NoReturn":
        raise ValueError("'dummy://' does not support garbage collector roots")
