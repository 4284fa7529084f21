"""Options of the host, as plain data: search path, policy, places.  The interpreter passes them to the compiled host once."""

import os

# Type checkers take this for true.  Every start of the command would pay for these imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from snowsnake.store.interface import Store

# settings/defaults.py has the same names: a shared module would cost each start.
_ARCHITECTURES = {"arm64": "aarch64", "i386": "i686"}


def encoded(text: "str | bytes | os.PathLike[str]") -> bytes:
    """The bytes of a path or name; raises ValueError if one of them is NUL."""
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("a path or name with a NUL byte")
    return data


def default_system() -> str:
    """This machine's system, by Nix's name.

    >>> "-" in default_system()
    True
    """
    # `platform` would import regular expressions.
    names = os.uname()
    return f"{_ARCHITECTURES.get(names.machine, names.machine)}-{names.sysname.lower()}"


def _open_machines_store() -> "Store":
    from snowsnake.store.local import LocalStore

    return LocalStore("/nix", real="/nix/store", state="/nix/var/nix", read_only=True)


class StoreToRead:
    """The store of an evaluation that writes nothing, asked what its objects refer to.

    *open_store* opens it at the first question, and raises an OSError or a ValueError if there is none.
    """

    __slots__ = ("_open_store", "_store", "_is_open")

    def __init__(self, open_store: "Callable[[], Store]" = _open_machines_store) -> None:
        self._open_store = open_store
        self.enter_child()

    def enter_child(self) -> None:
        """Lets the store be opened again, in a child of the process that may have opened it."""
        self._store: Store | None = None
        self._is_open = False

    def _opened(self) -> "Store | None":
        if not self._is_open:
            self._is_open = True
            self._store = self._open_store()
        return self._store

    def references(self, path: str) -> "list[str]":
        """The references of a valid object; none if the object is not valid, or if the store cannot be asked."""
        try:
            store = self._opened()
            return [] if store is None else list(store.known(path).references)
        except (OSError, ValueError):
            return []

    def known_output(self, item: str) -> str:
        """The path of an output (`DRV!out`) that was built before; "" if that is not known."""
        try:
            store = self._opened()
            return "" if store is None else store.known_output(item)
        except (OSError, ValueError):
            return ""


class HostOptions:
    """What one machine may read, and where it is; paths and names are kept as bytes.

    `search_path`: (prefix, path) pairs; `allowed_paths` may be read in spite of `pure` or `restricted`, with everything below them;
    `restricted` allows the folders of the search path too.  `is_writable`: texts put into the logical store can be read by the
    evaluation that made them, as with `--read-write-mode`.  `keeps_derivations`: texts of `.drv` files can be asked for, though nothing writes
    them.  `settings`: those of nix.conf and options about fetching.  `real_store`: the folder on disk that the program sees at `store_dir`.
    `store_to_read`: a store that is asked about objects there, for evaluations that write to none; without it, this is the machine's own store,
    for `/nix/store`.  `verbosity`: messages up to this level are written (host/messages.pxd), in C++ Nix's JSON if `log_format` is
    `internal-json`; if there is an `on_message(kind, text)`, it gets them instead.  `environment`: what getEnv sees, instead of the variables of
    the process.
    """

    def __init__(
        self,
        *,
        search_path: "Iterable[tuple[str, str]]" = (),
        pure: bool = False,
        restricted: bool = False,
        allowed_paths: "Iterable[str]" = (),
        features: "Iterable[str]" = (),
        working_directory: str | None = None,
        home: str | None = None,
        system: str | None = None,
        store_dir: str = "/nix/store",
        real_store: str | None = None,
        store_to_read: "StoreToRead | None" = None,
        is_writable: bool = False,
        keeps_derivations: bool = False,
        verbosity: int = 3,
        log_format: str = "text",
        settings: "Mapping[str, object] | None" = None,
        fetch_progress: "Callable[[], object] | None" = None,
        environment: "Mapping[str, str] | None" = None,
        on_message: "Callable[[str, str], object] | None" = None,
    ) -> None:
        self.pure = pure
        self.restricted = restricted
        self.is_writable = is_writable
        self.keeps_derivations = keeps_derivations
        variables = None
        if environment is not None:
            variables = {encoded(name): encoded(value) for name, value in environment.items()}
            home = home or environment.get("HOME")
        if store_to_read is None and store_dir == "/nix/store" and real_store is None:
            store_to_read = StoreToRead()
        # What the machine borrows, in the order of HostObject (host/state.pxd).  The collector of cycles does not empty a tuple.
        self.objects = (settings, fetch_progress, variables, on_message, store_to_read)
        self.verbosity = verbosity
        self.log_format = log_format
        self.features = tuple(features)
        self.working_directory = encoded(os.path.abspath(working_directory or os.getcwd()))
        self.search_path = [(encoded(prefix), encoded(path)) for prefix, path in search_path]
        allowed = list(allowed_paths)
        if restricted:
            allowed += [path.decode("utf-8", "surrogateescape") for _, path in self.search_path]
        self.allowed_paths = [self._absolute(path) for path in allowed]
        self.home = None if home is None else encoded(home)
        self.system = encoded(system or default_system())
        self.store_dir = self._absolute(store_dir)
        self.real_store = None if real_store is None else self._absolute(real_store)

    def _absolute(self, path: str | bytes) -> bytes:
        joined = os.path.normpath(os.path.join(self.working_directory, encoded(path)))
        return joined[1:] if joined.startswith(b"//") else joined
