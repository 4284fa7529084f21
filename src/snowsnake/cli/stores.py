"""The stores of evaluations and commands: URLs with their parameters, NIX_STORE_DIR and similar variables.

In: settings, the address of an `--eval-store`.  Out: options of the evaluator, stores.  A store in folders is written to, and created if it
does not exist; but the machine's own (`/nix/store`, `/nix/var/nix`) is not created: without a Nix, an evaluation only names what it would add.
If the machine's store belongs to a daemon, the daemon writes to it.  store/ssh/ has the stores that ssh reaches; unknown kinds are refused.
"""

import os

from snowsnake.cli.building import BuilderElsewhere, LazyBuilder
from snowsnake.cli.hand_on import NotOurs
from snowsnake.host.options import StoreToRead
from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.kinds import KINDS, Kind
from snowsnake.settings.places import (
    MACHINE_STATE,
    MACHINE_STORE,
    daemon_socket,
    log_folder,
    state_folder,
    store_folder,
)
from snowsnake.settings.store_reference import StoreReference, not_absolute
from snowsnake.store.place import DaemonPlace, DummyStore, StorePlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import contextmanager
    from typing import Any, TypeAlias

    from typing_extensions import TypeIs

    from snowsnake.cli.output import Reporter
    from snowsnake.store.interface import Store
    from snowsnake.store.ssh.place import ServePlace, SshPlace

    AnyPlace: TypeAlias = "StorePlace | DaemonPlace | DummyStore | SshPlace | ServePlace | CachePlace"
else:
    from snowsnake.foundation.scopes import contextmanager

# Parameters of URLs, with their types in settings/kinds.py.
_EVERY = {"store": "absolute path", "path-info-cache-size": "i32", "trusted": "bool", "priority": "i32", "want-mass-query": "bool", "system-features": "set"}
_IN_FOLDERS = _EVERY | {"root": "path or none", "state": "absolute path", "log": "absolute path", "real": "absolute path"}
_LOCAL = _IN_FOLDERS | {
    "require-sigs": "bool", "read-only": "bool", "ignore-gc-delete-failure": "bool", "use-roots-daemon": "bool", "build-dir": "path or none",
}  # fmt: skip
_PARAMETERS = {
    "auto": _LOCAL,
    "local": _LOCAL,
    "daemon": _IN_FOLDERS,
    "unix": _IN_FOLDERS | {"max-connections": "i32", "max-connection-age": "u32"},
    "dummy": _EVERY | {"read-only": "bool"},
    "local-overlay": _LOCAL | {"lower-store": "str", "upper-layer": "absolute path", "check-mount": "bool", "remount-hook": "absolute path"},
}
_CACHE = _EVERY | {
    "compression": "str", "compression-level": "i32", "parallel-compression": "bool", "write-nar-listing": "bool", "index-debug-info": "bool",
    "secret-key": "str", "secret-keys": "str", "local-nar-cache": "path or none",
}  # fmt: skip
_PARAMETERS |= {"file": _CACHE} | dict.fromkeys(
    ("http", "https"), _CACHE | dict.fromkeys(("narinfo-compression", "ls-compression", "log-compression", "tls-certificate", "tls-private-key"), "str")
)
_PARAMETERS["s3"] = _PARAMETERS["https"] | dict.fromkeys(("profile", "region", "scheme", "endpoint", "addressing-style", "storage-class"), "str") | {
    "multipart-upload": "bool", "multipart-chunk-size": "u64", "buffer-size": "u64", "multipart-threshold": "u64",
}  # fmt: skip
_SSH = _EVERY | {
    "ssh-key": "path or none", "base64-ssh-public-host-key": "str", "compress": "bool", "remote-store": "str", "remote-program": "list",
    "max-connections": "i32",
}  # fmt: skip
_PARAMETERS |= {"ssh": _SSH | {"log-fd": "i32"}, "ssh-ng": _SSH | {"max-connection-age": "u32"}, "mounted-ssh-ng": _SSH | _IN_FOLDERS | {"max-connection-age": "u32"}}
_LOCAL_SCHEMES = ("local", "local-overlay")
# The places of these schemes are folders or files of this machine.
_IN_FOLDER = (*_LOCAL_SCHEMES, "unix", "file")
_ON_SERVERS = ("http", "https", "s3")
# These words name a store; they are not schemes of URLs.
_WORDS = ("auto", "daemon")
_SHOWN_SCHEMES = {"auto": "local", "daemon": "unix", "mounted-ssh-ng": "ssh-ng"}
_BY_SSH = ("ssh", "ssh-ng", "mounted-ssh-ng")


def store_options(
    settings: Settings, warn: "Callable[[str], None]", *, eval_store: str | None = None, is_writable: bool, reporter: "Reporter | None" = None
) -> "dict[str, object]":
    """Keywords of the evaluator for the store that the settings name, or for *eval_store* instead of it.

    *reporter* shows the messages of the store while it works, logs of builders among them.

    >>> store_options(Settings(environment={"NIX_STORE_DIR": "/gnu/store"}), print, is_writable=False)["store_dir"]
    '/gnu/store'
    """
    reference = StoreReference.parse(settings.text("store"))
    place = _open(reference, settings, warn, reporter)
    # Both addresses are read, so that a fault of either is an error; only one is used.
    if eval_store is not None:
        build_place, reference = place, StoreReference.parse(eval_store)
        place = _open(reference, settings, warn, reporter)
        if isinstance(place, StorePlace) and isinstance(build_place, (StorePlace, DaemonPlace)):
            place.builder = BuilderElsewhere(settings, build_place)
    if isinstance(place, CachePlace):
        return {"store": place} if is_writable and place.is_written else {"store_dir": place.store_dir}
    if isinstance(place, DummyStore):
        return {"store_dir": place.store_dir} | ({"store": place} if is_writable and place.is_read_only else {})
    if _is_reached_by_ssh(place):
        return {"store": place} if is_writable and place.scheme != "ssh" else {"store_dir": place.store_dir}
    if is_writable and (isinstance(place, DaemonPlace) or place.is_written):
        return {"store": place}
    real = {} if place.real == place.store_dir else {"real_store": place.real}
    return {"store_dir": place.store_dir, "store_to_read": StoreToRead(lambda: _open_to_read(reference, settings))} | real


def _open_to_read(reference: StoreReference, settings: Settings) -> "Store":
    try:
        place = _open(reference, settings, lambda text: None)
        if isinstance(place, StorePlace) and not place.has_database:
            # A store is not created only to be read.
            raise ValueError("there is no store")
        return open_reference(reference, settings, lambda text: None)
    except SettingError as error:
        raise ValueError(str(error)) from error


def open_to_read(settings: Settings) -> "Store":
    """The store that the settings name, for an evaluation that writes nothing; ValueError if there is none."""
    return _open_to_read(StoreReference.parse(settings.text("store")), settings)


def place_to_write(address: str, settings: Settings, warn: "Callable[[str], None]") -> "StorePlace | DaemonPlace | DummyStore | SshPlace":
    """The place of the store with this URL; the machine's own only if it exists."""
    place = _open(StoreReference.parse(address), settings, warn)
    if isinstance(place, CachePlace) or _is_behind_serve(place):
        raise SettingError(f"store '{address}' cannot be used: an evaluation writes to stores in folders and behind daemons only", is_usage=False)
    if isinstance(place, StorePlace) and not place.is_written:
        raise SettingError(f"store '{address}' cannot be used: there is no Nix on this machine that it belongs to, or it is not yours to write to", is_usage=False)
    return place


def open_store(settings: Settings, warn: "Callable[[str], None]", *, is_writable: bool, reporter: "Reporter | None" = None) -> "Store":
    """The store that the settings name, to read from or to write to.

    A store in a folder is created if it does not exist, but not the machine's own.  Raises NotOurs if that is to be written to, and may not be.
    """
    return open_reference(StoreReference.parse(settings.text("store")), settings, warn, is_writable=is_writable, reporter=reporter)


def open_reference(
    reference: StoreReference, settings: Settings, warn: "Callable[[str], None]", *, is_writable: bool = False, reporter: "Reporter | None" = None
) -> "Store":
    """Does what `open_store` does, for the store with this URL."""
    store = _opened(reference, settings, warn, is_writable=is_writable, reporter=reporter)
    store.features = frozenset(settings["experimental-features"])
    return store


def _opened(reference: StoreReference, settings: Settings, warn: "Callable[[str], None]", *, is_writable: bool, reporter: "Reporter | None") -> "Store":
    place = _open(reference, settings, warn, reporter)
    if isinstance(place, CachePlace):
        from snowsnake.cli.substituters import open_cache

        return open_cache(place.reference, place.given, place.store_dir, settings, warn, is_writable=is_writable)
    if isinstance(place, DummyStore):
        from snowsnake.store.memory import MemoryStore

        return MemoryStore(place.store_dir, url="dummy")
    if isinstance(place, DaemonPlace) or _is_reached_by_ssh(place):
        return place.open()
    # The store has the parameter `read-only`.
    if not place.is_written and not place.is_machines:
        if not place.has_database:
            raise ValueError("database does not exist, and cannot be created in read-only mode")
        is_writable = False
    if is_writable and not place.is_written:
        raise NotOurs("writing to the machine's own store")
    if is_writable or (place.notes_what_it_reads and place.is_written) or not (place.is_machines or place.has_database):
        return place.open()
    if not os.path.isdir(place.real):
        raise SettingError(f"there is no store in '{place.real}': say which one is meant (--store FOLDER)", is_usage=False)
    return place.open(read_only=True)


def is_written(settings: Settings, eval_store: str | None = None) -> bool:
    """Whether evaluations write to the store that the settings name, or to *eval_store* instead of it."""
    return "store" in store_options(settings, lambda text: None, eval_store=eval_store, is_writable=True)


@contextmanager
def evaluated_in(store: "Store", eval_store: str | None, settings: Settings, warn: "Callable[[str], None]") -> "Iterator[None]":
    """Lets a store read derivations from the one in which an evaluation writes them, if that is another one."""
    from snowsnake.store.collecting import CollectingStore

    if eval_store is None or not isinstance(store, CollectingStore):
        yield
        return
    with open_reference(StoreReference.parse(eval_store), settings, warn) as evaluations:
        store.evaluations = evaluations
        try:
            yield
        finally:
            store.evaluations = None


def shown_url(settings: Settings, warn: "Callable[[str], None]") -> str:
    """The address of the store that the settings name, as `nix store info` shows it: with the parameters that this kind of store knows, and without its folder."""
    reference = StoreReference.parse(settings.text("store"))
    found, _ = _parameters(reference, warn)
    known = _PARAMETERS[reference.scheme]
    given = {name: KINDS[known[name]].render(value) for name, value in found.items()}
    scheme, place = _SHOWN_SCHEMES.get(reference.scheme, reference.scheme), reference.place
    if scheme in ("local", "local-overlay"):
        place = ""
    if scheme in ("local-overlay", "file"):
        given = {}
    is_word = (scheme == "local" and not given) or (scheme == "unix" and reference.path() in ("", daemon_socket(settings.environment)))
    return StoreReference("daemon" if is_word and scheme == "unix" else scheme, place, given, is_word=is_word).render()


def _open(
    reference: StoreReference, settings: Settings, warn: "Callable[[str], None]", reporter: "Reporter | None" = None
) -> "AnyPlace":
    scheme = reference.scheme
    found, unknown = _parameters(reference, warn)
    _check_place(reference)
    for name in unknown:
        warn(f"unknown setting '{name}'")
    environment = settings.environment
    store_dir = found.get("store") or store_folder(environment)
    if scheme in _BY_SSH:
        return _on_another_machine(reference, found, store_dir, settings, reporter)
    if scheme in ("file", "http", "https", "s3"):
        return CachePlace(reference, found, store_dir, lambda: open_reference(reference, settings, warn, is_writable=True))
    if scheme == "dummy":
        return DummyStore(store_dir, is_read_only=found.get("read-only", True))
    if found.get("read-only"):
        settings.require("read-only-local-store")
    root = found["root"] if "root" in found else reference.path() if scheme in _LOCAL_SCHEMES else None
    has_root, root = bool(root), (root or "").rstrip("/")
    real = found.get("real") or (root + "/nix/store" if has_root else store_dir)
    if scheme in ("daemon", "unix"):
        socket = reference.path() if scheme == "unix" and reference.place else daemon_socket(environment)
        return _daemon(reference, socket, store_dir, real, settings, reporter)
    state = found.get("state") or (root + "/nix/var/nix" if has_root else state_folder(environment))
    is_machines = real == MACHINE_STORE or state == MACHINE_STATE
    if scheme == "local-overlay":
        place = _overlay(found, store_dir, real, state, root, settings, warn, is_machines=is_machines)
    else:
        place = StorePlace(store_dir, real, state, root, is_machines=is_machines)
    if scheme == "auto" and place.is_machines and not place.is_written and os.path.exists(daemon_socket(environment)):
        return _daemon(reference, daemon_socket(environment), store_dir, real, settings, reporter)
    if found.get("read-only"):
        place.is_written = False
    logs = found.get("log") or (root + "/nix/var/log/nix" if has_root else log_folder(environment))
    place.optimises, place.on_warning = settings["auto-optimise-store"], warn
    place.log_folder = logs
    place.builder = LazyBuilder(settings, logs, reporter, open_reference, found.get("system-features"))
    place.requires_signatures = found.get("require-sigs")
    return place


def _overlay(
    found: "dict[str, Any]", store_dir: str, real: str, state: str, name: str, settings: Settings, warn: "Callable[[str], None]", *, is_machines: bool
) -> "StorePlace":
    """A store over another one, whose objects must lie on this machine."""
    from snowsnake.store.overlay import OverlayPlace

    reference = StoreReference.parse(found.get("lower-store", ""))
    lower = _open(reference, settings, warn)
    if not isinstance(lower, (StorePlace, DaemonPlace)) and getattr(lower, "scheme", "") != "mounted-ssh-ng":
        raise SettingError(f"store '{reference.render()}' cannot be the lower store of another one: its objects are not on this machine", is_usage=False)
    return OverlayPlace(
        store_dir, real, state, name, open_lower=lambda: open_reference(reference, settings, warn), lower_objects=lower.real or "", upper=found.get("upper-layer", ""),
        checks_mount=found.get("check-mount", True), remount_hook=found.get("remount-hook", ""), is_machines=is_machines,
    )  # fmt: skip


class CachePlace:
    """A binary cache: its URL, with parameters, and the prefix of its paths.  Evaluations write to caches in folders only."""

    __slots__ = ("reference", "given", "store_dir", "name", "is_written", "_open")

    real = None
    opens_late = True

    def __init__(self, reference: StoreReference, given: "dict[str, object]", store_dir: str, open_cache: "Callable[[], Any]") -> None:
        self.reference = reference
        self.given = given
        self.store_dir = store_dir
        self.name = reference.render()
        self.is_written = reference.scheme == "file" and os.environ.get("_NIX_FORCE_HTTP") != "1"
        self._open = open_cache

    def open(self) -> "Any":
        """The cache, for what evaluation adds."""
        from snowsnake.store.binary_cache.additions import CacheAdditions

        return CacheAdditions(self._open())


def _is_reached_by_ssh(place: "AnyPlace") -> "TypeIs[SshPlace | ServePlace]":
    # A look at the scheme needs no import of the classes.
    return getattr(place, "scheme", "") in _BY_SSH


def _is_behind_serve(place: "AnyPlace") -> "TypeIs[ServePlace]":
    return getattr(place, "scheme", "") == "ssh"


def _on_another_machine(
    reference: StoreReference, found: "dict[str, Any]", store_dir: str, settings: Settings, reporter: "Reporter | None"
) -> "SshPlace | ServePlace":
    from snowsnake.store.ssh.place import ServePlace, SshPlace

    real = ""
    if reference.scheme == "mounted-ssh-ng":
        settings.require("mounted-ssh-store")
        real = found.get("real") or (found["root"] + "/nix/store" if found.get("root") else store_dir)
    on_event = reporter.event if reporter is not None and reporter.is_followed else None
    try:
        return (ServePlace if reference.scheme == "ssh" else SshPlace)(
            reference.scheme, reference.place, found, store_dir, real=real, options=_ClientOptions(settings, reporter)(),
            on_message=None if reporter is None else reporter.building, on_event=on_event,
        )  # fmt: skip
    except ValueError as error:
        raise SettingError(str(error), is_usage=False) from None


class _ClientOptions:
    """Returns the user's own settings as they are when this object is called: flakes change some."""

    def __init__(self, settings: Settings, reporter: "Reporter | None") -> None:
        self._settings = settings
        self._reporter = reporter
        self._changes = -1
        self._found: dict[str, str] = {}

    def __call__(self) -> "dict[str, str]":
        settings = self._settings
        if self._changes != settings.changes:
            self._changes = settings.changes
            self._found = {name: settings.text(name) for name in settings.overridden}
            if self._reporter is not None:
                self._found["verbosity"] = str(self._reporter.verbosity)
        return self._found


def _daemon(
    reference: StoreReference, socket: str, store_dir: str, real: str, settings: Settings, reporter: "Reporter | None"
) -> DaemonPlace:
    """The daemon, which gets the user's own settings."""
    name = reference.render() if reference.scheme == "unix" else "daemon"
    options = _ClientOptions(settings, reporter)
    if reporter is None:
        return DaemonPlace(socket, store_dir, real, name=name, options=options)
    on_event = reporter.event if reporter.is_followed else None
    return DaemonPlace(socket, store_dir, real, name=name, options=options, on_message=reporter.building, on_event=on_event)


def _parameters(reference: StoreReference, warn: "Callable[[str], None]") -> "tuple[dict[str, Any], list[str]]":
    """The parameters that this kind of store knows, in their types, and the names of the others; SettingError if there is no such kind."""
    if reference.scheme not in _PARAMETERS or (reference.scheme in _WORDS and not reference.is_word):
        raise SettingError(f"don't know how to open Nix store with scheme '{reference.scheme}'", is_usage=False)
    known = _PARAMETERS[reference.scheme]
    found, unknown = {}, []
    for name in sorted(reference.parameters):
        if name in known:
            kind: Kind = KINDS[known[name]]
            found[name] = kind.parse(name, reference.parameters[name], warn)
        else:
            unknown.append(name)
    return found, unknown


def _check_place(reference: StoreReference) -> None:
    """Raises SettingError if the text between the scheme and the parameters cannot be that of this kind of store."""
    scheme, place = reference.scheme, reference.place
    if scheme in _IN_FOLDER and place and not reference.path().startswith("/"):
        raise not_absolute(reference.path())
    if scheme == "dummy" and place:
        raise SettingError(f"`dummy` store URIs must not contain an authority part {place}")
    if scheme in _ON_SERVERS and not place.partition("/")[0].rpartition("@")[2].partition(":")[0]:
        raise SettingError(f"`{scheme}` Store requires a non-empty authority in Store URL")
    if scheme in _BY_SSH and "/" in place:
        raise SettingError(f"invalid URL authority: '{place}': leftover", is_usage=False)
    if "\0" in reference.path() and scheme not in _ON_SERVERS:
        raise SettingError(f"store '{reference.render()}' cannot be used: there is a zero byte in its name", is_usage=False)
