"""The arguments for evaluating a locked flake: the lock file and the trees that were fetched already, as JSON; and `getFlake`.

In: a `LockedFlake`.  Out: the arguments of flake/nix/call-flake.nix, which calls the flakes lazily.
"""

import os

from snowsnake.builtins.engines.fetch_calls import check_uri, fetch_tree, tree_attributes
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.errors import FetchFailure, ForbiddenAccess
from snowsnake.flake.locks import lock_flake
from snowsnake.flake.world import FlakeTree, FlakeWorld
from snowsnake.foundation import light_json
from snowsnake.lock.flakes import LockedFlake
from snowsnake.lock.locking import LockOptions
from snowsnake.lock.reference_text import parse_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.builtins.fetch_host import Access
    from snowsnake.foundation.json_type import Json

_SOURCE = os.path.join(os.path.dirname(__file__), "nix", "call-flake.nix")


def call_source() -> bytes:
    """The expression that calls the flakes of a lock file."""
    with open(_SOURCE, "rb") as file:
        return file.read()


def call_arguments(locked: LockedFlake) -> tuple[bytes, bytes]:
    """The lock file, and the facts about the trees that were fetched while it was made, both as JSON."""
    document, keys = locked.lock_file.to_data()
    found: dict[str, object] = {}
    for node, place in locked.places.items():
        tree: FlakeTree = place.tree
        if place.folder.startswith(".."):
            raise FlakeError("access", f"flake input '{keys[node]}' is not in the source tree '{tree.store_path}'")
        if node.locked is not None and node.locked.input.relative_path is not None:
            info: dict[str, Json] = {"outPath": tree.store_path}
        else:
            is_changed = node is locked.lock_file.root and locked.flake.is_changed
            info = dict(tree_attributes(tree.source, False, is_changed))
        found[keys[node]] = {"sourceInfo": info, "dir": place.folder}
    return _json(document), _json(found)


def _json(data: object) -> bytes:
    return light_json.dumps(data, is_compact=True, is_ascii=False).encode("utf-8", "surrogateescape")


def get_flake(access: "Access", mount: "Callable[[Any], None]", text: str) -> tuple[bytes, bytes, bytes]:
    """`builtins.getFlake`: the source of call-flake.nix and its arguments.

    `access`: the policy of the evaluation and its fetcher; `mount` is called with each source that evaluation may read from then on.
    """
    try:
        return _called(access, mount, text)
    except FetchFailure as error:
        if error.kind == FetchFailure.kind:
            error.kind = FlakeError.__name__
        raise


def _called(access: "Access", mount: "Callable[[Any], None]", text: str) -> tuple[bytes, bytes, bytes]:
    fetcher = access.fetcher
    reference = parse_whole(text, features=fetcher.features, say=lambda _kind, warning: fetcher.warn(warning))
    if access.is_pure and not reference.input.is_locked:
        raise ForbiddenAccess(
            f"cannot call 'getFlake' on unlocked flake reference '{text}', at «none»:0 (use --impure to override)"
        )
    settings = fetcher.settings
    options = LockOptions(
        may_update=False,
        may_write=False,
        uses_registries=not access.is_pure and settings["use-registries"],
        allows_unlocked=not access.is_pure,
    )
    world = FlakeWorld(
        fetcher,
        settings,
        os.environ,
        fetcher.warn,
        on_tree=lambda tree: mount(tree.source),
        check=lambda input: check_uri(access, input.to_url()),
    )
    try:
        return call_source(), *call_arguments(lock_flake(world, reference, options))
    except EvaluationError as error:
        notes = [frame.name for frame in reversed(error.trace)]
        failure = (ForbiddenAccess if error.code == "access" else FetchFailure)(error.message, notes)
        failure.kind = type(error).__name__
        raise failure from None


def fetch_locked(access: "Access", attributes: "dict[str, Any]") -> "tuple[Any, list[tuple[str, Any]]]":
    """Fetches a source that must match exactly what a lock file says about it; returns it with its attributes."""
    return fetch_tree(access, attributes, False, is_final=True)
