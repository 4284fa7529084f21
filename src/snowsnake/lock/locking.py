"""Turns the inputs of a flake into a lock file.

In: a flake, its old lock file, options, and callbacks that fetch (`Sources`).  Out: the new lock file, and the trees that were needed.
An input whose entry in the old lock file still fits is neither fetched nor read.
"""

import posixpath

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.lock.flakes import Flake, FlakeInput, Place
from snowsnake.lock.lock_file import DEEPEST, MOST_NODES, InputPath, LockFile, LockNode, path_text
from snowsnake.lock.references import Reference
from snowsnake.lock.registries import KINDS, LIMITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Sources(Protocol):
        """The callbacks of locking.  `kinds` are the registries that may be used."""

        def flake(self, reference: Reference, kinds: tuple[str, ...], lock_root: InputPath) -> Flake:
            """Fetches a flake and reads its `flake.nix`; `follows` in it start at `lock_root`."""
            ...

        def flake_at(self, place: Place, reference: Reference, lock_root: InputPath) -> Flake:
            """Reads the `flake.nix` in a folder of a fetched tree."""
            ...

        def tree(self, reference: Reference, kinds: tuple[str, ...]) -> tuple[Place, Reference]:
            """Fetches a tree that need not be a flake; returns it with the input that determines exactly this tree."""
            ...

        def lock_file(self, flake: Flake) -> LockFile:
            """The lock file beside a `flake.nix`."""
            ...

        def is_locked(self, reference: Reference) -> bool: ...

        def warn(self, message: str) -> None: ...


class LockOptions:
    """The flags about lock files.

    `recreate`: nothing of the old lock file is kept; `updates`: the inputs of which nothing is kept.  `overrides`: other references for inputs.
    `may_update`: the lock file may change; `may_write`: the changed one may be written, and `commits`: committed, too.  `fails_on_unlocked`: an
    input that is not locked is an error, and not a warning, when the lock file is to be written.  `allows_unlocked`: references that are not
    locked may be fetched.  `reference_path`: where the old lock file is, `output_path`: where the new one is written ("": beside the flake).
    """

    def __init__(
        self,
        *,
        recreate: bool = False,
        may_update: bool = True,
        may_write: bool = True,
        fails_on_unlocked: bool = False,
        uses_registries: bool = True,
        allows_unlocked: bool = True,
        commits: bool = False,
        reference_path: str = "",
        output_path: str = "",
        overrides: "dict[InputPath, Reference] | None" = None,
        updates: "Iterable[InputPath]" = (),
    ) -> None:
        self.recreate = recreate
        self.may_update = may_update
        self.may_write = may_write
        self.fails_on_unlocked = fails_on_unlocked
        self.uses_registries = uses_registries
        self.allows_unlocked = allows_unlocked
        self.commits = commits
        self.reference_path = reference_path
        self.output_path = output_path
        self.overrides = overrides or {}
        self.updates = set(updates)

    @property
    def top_registries(self) -> tuple[str, ...]:
        """The registries in which the flake itself is looked up."""
        return KINDS if self.uses_registries else ()

    @property
    def input_registries(self) -> tuple[str, ...]:
        """The registries in which its inputs are looked up."""
        return LIMITED if self.uses_registries else ()


class _Override:
    """An input that the command line, or a flake that has this one as an input, sets in place of the one in `flake.nix`."""

    __slots__ = ("input", "place", "parent")

    def __init__(self, input: FlakeInput, place: Place, parent: InputPath | None) -> None:
        self.input = input
        # Relative paths start from this place.
        self.place = place
        self.parent = parent


def compute_lock_file(
    flake: Flake, old: LockFile, options: LockOptions, sources: "Sources"
) -> tuple[LockFile, dict[LockNode, Place]]:
    """The up-to-date lock file of a flake, and the trees that were needed, by node."""
    return _Locking(flake, options, sources).run(old)


class _Locking:
    """Computes the lock file of one flake."""

    def __init__(self, flake: Flake, options: LockOptions, sources: "Sources") -> None:
        self.flake = flake
        self.options = options
        self.sources = sources
        self.result = LockFile()
        self.places: dict[LockNode, Place] = {self.result.root: flake.place}
        self.overrides: dict[InputPath, _Override] = {}
        # The names of overridden inputs, by the path of the node whose inputs they are.
        self.overridden: dict[InputPath, list[str]] = {}
        self.overrides_used: set[InputPath] = set()
        self.updates_used: set[InputPath] = set()
        self.open_references: list[Reference] = []
        self.node_count = 0

    def run(self, old: LockFile) -> tuple[LockFile, dict[LockNode, Place]]:
        for path, reference in sorted(self.options.overrides.items()):
            self.add_override(path, _Override(FlakeInput(reference), self.flake.place, None))
        old_root = None if self.options.recreate else old.root
        self.compute(self.flake.declaration.inputs, self.result.root, (), old_root, (), self.flake.place, trusts_lock=False)
        for path, reference in sorted(self.options.overrides.items()):
            if path not in self.overrides_used:
                self.sources.warn(f"the flag '--override-input {path_text(path)} {reference}' does not match any input")
        for path in sorted(self.options.updates):
            if path not in self.updates_used:
                self.sources.warn(f"'{path_text(path)}' does not match any input of this flake")
        self.result.check()
        return self.result, self.places

    def add_override(self, path: InputPath, override: _Override) -> None:
        if path not in self.overrides:
            self.overrides[path] = override
            self.overridden.setdefault(path[:-1], []).append(path[-1])

    def add_overrides_of(self, input: FlakeInput, path: InputPath, place: Place, parent: InputPath) -> None:
        if len(path) > DEEPEST:
            raise FlakeError("value", f"inputs nest more than {DEEPEST} levels deep: '{path_text(path[:3])}/…'")
        for name, inner in sorted(input.overrides.items()):
            inner_path = (*path, name)
            if inner.reference is not None or inner.follows is not None:
                self.add_override(inner_path, _Override(inner, place, parent))
            self.add_overrides_of(inner, inner_path, place, parent)

    def compute(
        self,
        inputs: dict[str, FlakeInput],
        node: LockNode,
        prefix: InputPath,
        old: LockNode | None,
        follows_prefix: InputPath,
        place: Place,
        trusts_lock: bool,
    ) -> None:
        """Locks the inputs of a node.

        `old` is the node whose locks may be kept; followed paths in it start at `follows_prefix`.  `trusts_lock`: the inputs
        come from the lock file itself, and not from a `flake.nix` that may have changed.
        """
        if len(prefix) > DEEPEST:
            raise FlakeError("value", f"inputs nest more than {DEEPEST} levels deep: '{path_text(prefix[:3])}/…'")
        for name, input in sorted(inputs.items()):
            self.add_overrides_of(input, (*prefix, name), place, prefix)
        for name in sorted(self.overridden.get(prefix, ())):
            if name not in inputs:
                self.sources.warn(f"input '{path_text(prefix)}' has an override for a non-existent input '{name}'")
        for name, input in sorted(inputs.items()):
            path = (*prefix, name)
            try:
                self.compute_input(input, node, path, old, follows_prefix, place, trusts_lock)
            except EvaluationError as error:
                error.trace.insert(0, Frame("text", f"while updating the flake input '{path_text(path)}'", None))
                raise

    def compute_input(
        self,
        declared: FlakeInput,
        node: LockNode,
        path: InputPath,
        old: LockNode | None,
        follows_prefix: InputPath,
        place: Place,
        trusts_lock: bool,
    ) -> None:
        """Locks one input of a node: keeps its old entry if that still fits, and otherwise makes a new one.  Arguments as for `compute`."""
        name = path[-1]
        override = self.overrides.get(path)
        is_from_user = path in self.options.overrides
        input, parent = declared, path[:-1]
        given_parent: InputPath | None = parent
        if override is not None:
            self.overrides_used.add(path)
            # An override cannot change whether the input is a flake.
            input = FlakeInput(override.input.reference, declared.is_flake, override.input.follows, override.input.overrides)
            place, given_parent = override.place, override.parent
        if input.follows is not None:
            node.inputs[name] = input.follows
            return
        reference = input.reference or Reference.of_attributes({"type": "indirect", "id": name})
        if reference.input.relative_path is None:
            given_parent = None
        self.updates_used.add(path)
        kept = old.inputs.get(name) if old is not None and path not in self.options.updates else None
        if (
            isinstance(kept, LockNode)
            and kept.original is not None
            and kept.original.canonical() == reference.canonical()
            and kept.parent == given_parent
            and not is_from_user
        ):
            self.keep(kept, node, path, reference, follows_prefix, place, trusts_lock)
        else:
            original = declared.reference if is_from_user and declared.reference is not None else reference
            self.create(input, reference, original, node, path, given_parent, place, is_from_user)

    def new_node(self, parent: LockNode, name: str, child: LockNode) -> LockNode:
        self.node_count += 1
        if self.node_count > MOST_NODES:
            raise FlakeError("value", f"the flake has more than {MOST_NODES} inputs")
        parent.inputs[name] = child
        return child

    def keep(
        self,
        kept: LockNode,
        node: LockNode,
        path: InputPath,
        reference: Reference,
        follows_prefix: InputPath,
        place: Place,
        trusts_lock: bool,
    ) -> None:
        """Takes an entry over from the old lock file, with its own inputs, unless one of these is to be updated."""
        child = self.new_node(node, path[-1], LockNode(kept.locked, kept.original, kept.is_flake, kept.parent, kept.is_read))
        must_fetch = any(len(update) > len(path) and update[: len(path)] == path for update in self.options.updates)
        inputs: dict[str, FlakeInput] = {}
        for name, target in sorted(kept.inputs.items()):
            if must_fetch:
                break
            if isinstance(target, LockNode):
                inputs[name] = FlakeInput(target.original, target.is_flake)
                continue
            # The old lock file says that this input follows another one.  If that is due to an override that does not exist any more, the flake's own
            # declaration counts again, and has to be read.
            must_fetch = not trusts_lock and (*path, name) not in self.overrides
            inputs[name] = FlakeInput(follows=(*follows_prefix, *target))
        if not must_fetch:
            self.compute(inputs, child, path, kept, follows_prefix, place, trusts_lock=True)
            return
        assert kept.locked is not None
        flake = self.input_flake(kept.locked, reference, place, self.options.input_registries, path)
        self.places[child] = flake.place
        self.compute(flake.declaration.inputs, child, path, kept, follows_prefix, flake.place, trusts_lock=False)

    def create(
        self,
        input: FlakeInput,
        reference: Reference,
        original: Reference,
        node: LockNode,
        path: InputPath,
        parent: InputPath | None,
        place: Place,
        is_from_user: bool,
    ) -> None:
        """Fetches an input and makes a new entry for it."""
        kinds = self.options.input_registries
        if not self.options.allows_unlocked and reference.input.relative_path is None and not self.sources.is_locked(reference):
            raise FlakeError("access", f"cannot update unlocked flake input '{path_text(path)}' in pure mode")
        if not input.is_flake:
            if reference.input.relative_path is not None:
                found, locked = self.inner_place(reference.input.relative_path, place), reference
            else:
                found, locked = self.sources.tree(reference, kinds)
            self.places[self.new_node(node, path[-1], LockNode(locked, original, False, parent))] = found
            return
        flake = self.input_flake(reference, reference, place, KINDS if is_from_user else kinds, path)
        child = self.new_node(node, path[-1], LockNode(flake.locked, original, True, parent))
        if reference in self.open_references:
            raise FlakeError("value", f"found circular import of flake '{reference}'")
        self.open_references.append(reference)
        try:
            self.places[child] = flake.place
            old = self.sources.lock_file(flake).root
            self.compute(flake.declaration.inputs, child, path, old, path, flake.place, trusts_lock=False)
        finally:
            self.open_references.pop()

    def input_flake(
        self, wanted: Reference, declared: Reference, place: Place, kinds: tuple[str, ...], path: InputPath
    ) -> Flake:
        if declared.input.relative_path is not None:
            return self.sources.flake_at(self.inner_place(declared.input.relative_path, place, wanted.folder), wanted, path)
        return self.sources.flake(wanted, kinds, path)

    def inner_place(self, relative_path: str, place: Place, folder: str = "") -> Place:
        """The folder to which a relative path leads from a flake's folder.  With `..` it may be outside of the tree, where nothing can be read."""
        path = posixpath.normpath(posixpath.join(place.folder, relative_path.lstrip("/"), folder))
        return Place(place.tree, "" if path == "." else path)
