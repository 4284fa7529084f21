"""Which store an evaluation has: addresses with their parameters, NIX_STORE_DIR and its kin.

In: settings, the address of an `--eval-store`.  Out: options of the evaluator.  Stores in folders are written to, unless they are the
machine's own (`/nix/store`, `/nix/var/nix`): there an evaluation only names what it would add.  Other kinds of stores are refused.
"""

from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.kinds import KINDS, Kind
from snowsnake.settings.places import state_folder, store_folder
from snowsnake.settings.store_reference import StoreReference
from snowsnake.store.place import DummyStore, StorePlace

TYPE_CHECKING = False                 # `typing` would be imported by every command
if TYPE_CHECKING:
    from typing import Any

# Parameters of addresses, with their types as in settings/kinds.py.
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
}
_REFUSED = ("http", "https", "file", "s3", "ssh", "ssh-ng", "mounted-ssh-ng", "local-overlay")
_MACHINE_STORE, _MACHINE_STATE = "/nix/store", "/nix/var/nix"


def store_options(settings: Settings, warn, *, eval_store: str | None = None, is_writable: bool) -> "dict[str, Any]":
    """Keywords of the evaluator for the store that the settings name, or for *eval_store* instead of it.

    >>> store_options(Settings(environment={"NIX_STORE_DIR": "/gnu/store"}), print, is_writable=False)
    {'store_dir': '/gnu/store'}
    """
    place = _open(StoreReference.parse(settings.text("store")), settings, warn)
    if eval_store is not None:             # both are opened, one is used
        place = _open(StoreReference.parse(eval_store), settings, warn)
    if isinstance(place, DummyStore):
        return {"store_dir": place.store_dir} | ({"store": place} if is_writable and place.is_read_only else {})
    if is_writable and place.real != _MACHINE_STORE and place.state != _MACHINE_STATE:
        return {"store": place}
    real = {} if place.real == place.store_dir else {"real_store": place.real}
    return {"store_dir": place.store_dir} | real


def place_to_write(address: str, settings: Settings, warn) -> StorePlace | DummyStore:
    """Where the store with this address is; the machine's own is refused."""
    place = _open(StoreReference.parse(address), settings, warn)
    if isinstance(place, StorePlace) and (place.real == _MACHINE_STORE or place.state == _MACHINE_STATE):
        raise SettingError(f"store '{address}' cannot be used: Snowsnake does not write to the machine's own store", is_usage=False)
    return place


def _open(reference: StoreReference, settings: Settings, warn) -> StorePlace | DummyStore:
    scheme = reference.scheme
    if scheme in _REFUSED:
        raise SettingError(f"store '{reference.render()}' cannot be used: Snowsnake opens stores in folders and 'dummy://' only", is_usage=False)
    if scheme not in _PARAMETERS:
        raise SettingError(f"don't know how to open Nix store with scheme '{scheme}'", is_usage=False)
    found = _parameters(reference, warn)
    environment = settings.environment
    store_dir = found.get("store") or store_folder(environment)
    if scheme == "dummy":
        return DummyStore(store_dir, is_read_only=found.get("read-only", True))
    if found.get("read-only"):
        settings.require("read-only-local-store")
    root = found["root"] if "root" in found else reference.path() if scheme == "local" else None
    real = found.get("real") or (root + "/nix/store" if root else store_dir)
    state = found.get("state") or (root + "/nix/var/nix" if root else state_folder(environment))
    if scheme in ("daemon", "unix") or found.get("read-only"):
        state = _MACHINE_STATE             # nothing is written
    return StorePlace(store_dir, real, state, root or "")


def _parameters(reference: StoreReference, warn) -> "dict[str, Any]":
    """The parameters that its kind of store knows, in their types; the others are warned of."""
    known = _PARAMETERS[reference.scheme]
    found = {}
    for name in sorted(reference.parameters):
        if name in known:
            kind: Kind = KINDS[known[name]]
            found[name] = kind.parse(name, reference.parameters[name], warn)
        else:
            warn(f"unknown setting '{name}'")
    return found
