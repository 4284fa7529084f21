"""Options of the host, as plain data: search path, policy, places.  The evaluator hands them to the compiled host once."""

import os

# For type checkers, which know the name: what is imported here is paid for by every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_ARCHITECTURES = {"arm64": "aarch64", "i386": "i686"}


def encoded(text: "str | bytes | os.PathLike[str]") -> bytes:
    """A path or name as bytes, whatever was given; a NUL byte is refused."""
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("a path or name with a NUL byte")
    return data


def default_system() -> str:
    """The system of this machine as Nix names it.

    >>> "-" in default_system()
    True
    """
    names = os.uname()  # not `platform`, which imports regular expressions
    return f"{_ARCHITECTURES.get(names.machine, names.machine)}-{names.sysname.lower()}"


class HostOptions:
    """What one evaluator may read and how it names things; everything is kept as bytes.

    `search_path`: (prefix, path) pairs; `allowed_paths`: read in spite of `pure` or `restricted`, what is below included;
    `restricted` allows the folders of the search path too.  `is_writable`: texts put into the logical store can be read by the
    evaluation that made them, as with `--read-write-mode`.  `keeps_derivations`: texts of `.drv` files can be asked for, though nothing writes them.
    `settings`: what nix.conf and options say about fetching.
    `real_store`: the folder on disk that has what the program sees at `store_dir`.  `verbosity`: messages up to this level are written (host/messages.pxd),
    in C++ Nix's JSON if `log_format` is `internal-json`; `on_message(kind, text)` gets them instead.  `environment`: what getEnv sees, instead of
    the variables of the process.
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
        self.settings = (settings, fetch_progress, variables, on_message)
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
