"""Facts about a flake before it is evaluated: its inputs, its settings, and its tree."""

from snowsnake.foundation.record import Whole
from snowsnake.lock.lock_file import InputPath, LockFile, LockNode
from snowsnake.lock.references import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Setting = str | int | bool | list[str]


class FlakeInput:
    """An input as a `flake.nix` (or `--override-input`) declares it."""

    __slots__ = ("reference", "is_flake", "follows", "overrides")

    def __init__(
        self,
        reference: Reference | None = None,
        is_flake: bool = True,
        follows: InputPath | None = None,
        overrides: "dict[str, FlakeInput] | None" = None,
    ) -> None:
        self.reference = reference
        self.is_flake = is_flake
        self.follows = follows
        # Other references for the inputs of this input, which are declared with it.
        self.overrides = overrides or {}


class Declaration:
    """The contents of a `flake.nix`, read without evaluation."""

    __slots__ = ("description", "inputs", "self_attributes", "config")

    def __init__(self) -> None:
        self.description: str | None = None
        self.inputs: dict[str, FlakeInput] = {}
        self.self_attributes: dict[str, Any] = {}
        self.config: dict[str, Setting] = {}


class Place:
    """A folder in a fetched tree; `tree` is the object that the callbacks of locking returned."""

    __slots__ = ("tree", "folder")

    def __init__(self, tree: "Any", folder: str) -> None:
        self.tree = tree
        self.folder = folder


class Flake:
    """A flake that was found: its original and resolved reference, its exact tree, and the contents of its `flake.nix`."""

    __slots__ = ("original", "resolved", "locked", "place", "declaration", "is_changed")

    def __init__(
        self, original: Reference, resolved: Reference, locked: Reference, place: Place, declaration: Declaration
    ) -> None:
        self.original = original
        self.resolved = resolved
        self.locked = locked
        self.place = place
        self.declaration = declaration
        # Whether the lock file differs from the one in the tree, so that the flake counts as dirty.
        self.is_changed = False


class LockedFlake(Whole):
    """A flake, its up-to-date lock file, and the trees that were fetched meanwhile."""

    __slots__ = ("flake", "lock_file", "places")

    def __init__(self, flake: Flake, lock_file: LockFile, places: dict[LockNode, Place]) -> None:
        self.flake = flake
        self.lock_file = lock_file
        self.places = places
