"""`snowsnake registry`: the meanings of short names of flakes, like `nix registry`.

In: an action and flake references.  Out: lines, or a changed registry: the user's, or the one of `--registry`.
"""

import os

from snowsnake.cli.evaluate import LOCK_OPTIONS, SOURCE_OPTIONS
from snowsnake.cli.flake import FlakeCall
from snowsnake.cli.nix.options import REGISTRY
from snowsnake.cli.options import Arguments, UsageError
from snowsnake.cli.output import Reporter, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.nix.command_line import Call
    from snowsnake.lock.references import Reference
    from snowsnake.lock.registries import Registry

_SHARED = ("--option", "--override-flake", "--refresh", "--offline", "--show-trace", "--log-format", "-h")
OPTIONS = (
    REGISTRY,
    *(option for option in (*LOCK_OPTIONS, *SOURCE_OPTIONS) if set(option.names).intersection(_SHARED)),
)
USAGE = "snowsnake registry ACTION [OPTION …] [FLAKE …]"
SUMMARY = """Look into the registries of flakes, or change the user's.

actions:
  list               all entries
  add FROM TO        let a name mean a flake
  remove FROM        forget a name
  pin FROM [TO]      let a name mean just this revision of a flake
  resolve FLAKE …    what references mean"""


def run(given: Arguments, reporter: Reporter) -> int:
    name, words = given.action("list", "add", "remove", "pin", "resolve")
    return run_action(name, given, reporter, words)


def run_for_nix(call: "Call") -> int:
    """`nix registry …`: runs the action that the row of the call names."""
    assert call.row is not None
    return run_action(call.row.name.removeprefix("registry "), call.given, call.reporter, list(call.words), switches_on=False)


def run_action(name: str, given: Arguments, reporter: Reporter, words: list[str], *, switches_on: bool = True) -> int:
    counts = {"list": (0, 0), "add": (2, 2), "remove": (1, 1), "pin": (1, 2), "resolve": (0, len(words))}[name]
    if not counts[0] <= len(words) <= counts[1]:
        raise UsageError(f"'registry {name}' takes {'no flake' if counts[1] == 0 else f'{counts[1]} flakes' if counts[1] > 1 else 'one flake'}")
    call = FlakeCall(given, reporter, [], switches_on=switches_on)
    world = call.flakes.world
    if name == "list":
        _list(call)
        return 0
    if name == "resolve":
        for word in words:
            write_text(str(world.resolve(_whole(word, world.features), _kinds())))
        return 0
    path = given.text("registry")
    if name != "add":
        # The registry is read first, so that a warning about it comes before an error of a reference.
        registry = _registry(call, path)
    references = [_whole(word, world.features) for word in words]
    if name == "add":
        registry = _registry(call, path)
    target = _pinned(call, references) if name == "pin" else references[-1]
    registry.remove(references[0])
    if name != "remove":
        registry.add(references[0], target)
    registry.write(path or _user_path())
    return 0


def _pinned(call: FlakeCall, references: "list[Reference]") -> "Reference":
    """Just the revision of the last reference, with the folder of the first one.  A hash does not count: the registry does not keep it."""
    from snowsnake.lock.references import Reference

    world = call.flakes.world
    found = world.fetch(world.resolve(references[-1], _kinds()).input).input.with_attrs(narHash=None)
    if not found.is_locked:
        call.reporter.warning(f"flake '{found}' is not locked")
    return Reference(found.with_attrs(__final=True), references[0].folder)


def _list(call: FlakeCall) -> None:
    registries = call.flakes.world.registries
    for kind in _kinds():
        for entry in registries.get(kind).entries:
            write_text(f"{kind + ' ' if kind == 'flags' else kind:6} {entry.source} {entry.target}")


def _kinds() -> tuple[str, ...]:
    from snowsnake.lock.registries import KINDS

    return KINDS


def _whole(text: str, features: "frozenset[str]") -> "Reference":
    from snowsnake.lock.reference_text import parse_whole

    return parse_whole(text, features=features)


def _user_path() -> str:
    from snowsnake.lock.registries import user_registry_path

    return user_registry_path(os.environ)


def _registry(call: FlakeCall, path: str) -> "Registry":
    """The registry in a file, or the user's, which is read only once."""
    from snowsnake.lock.registries import read_registry

    return read_registry(path, "user", call.reporter.warning) if path else call.flakes.world.registries.get("user")
