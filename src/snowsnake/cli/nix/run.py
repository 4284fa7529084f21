"""`nix run`, `nix shell`, `nix fmt`, `nix formatter run|build`: programs of packages, built first.

In: a `Call`.  Out: this process becomes the program; `nix formatter build` prints its path.
"""

import os

from snowsnake.cli.executing import changed_environment, execute
from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.nix.apps import App, built, default_apps, find_app
from snowsnake.cli.nix.build import make_valid
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import has_source
from snowsnake.cli.nix.installables import Installables
from snowsnake.cli.nix.results import make_links, outputs_of
from snowsnake.cli.nix.store import asked
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import write_text
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store

_PROPAGATED = "nix-support/propagated-user-env-packages"
_MOST_LINKS = 1024


def run(call: Call) -> None:
    """`nix run`."""
    _refuse_debugger(call)
    word, *words = call.words or ["."]
    with asked(call, is_writable=True) as installables:
        app = find_app(call, installables, word, *default_apps(call.settings["system"]))
        program = built(call, installables, app)
        execute(installables.store, program, words, changed_environment(call), looks_up=False)


def shell(call: Call) -> None:
    """`nix shell`."""
    _refuse_debugger(call)
    given = call.given
    command = given.texts("command") or [os.environ.get("SHELL", "bash")]
    with asked(call, is_writable=True) as installables:
        targets = installables.targets(call.words)
        store = installables.store
        make_valid(call, store, targets)
        environment = changed_environment(call)
        folders = _program_folders(store, [path for target in targets for _, path in outputs_of(store, target)])
        before = environment.get("PATH", "")
        environment["PATH"] = ":".join([*folders, *(folder or "." for folder in before.split(":") if before)])
        execute(store, command[0], command[1:], environment, looks_up=True)


def formatter_run(call: Call) -> None:
    """`nix fmt`, `nix formatter run`."""
    with asked(call, is_writable=True) as installables:
        app = _formatter(call, installables)
        program = built(call, installables, app)
        if app.source_path is None:
            raise EvaluationError("file", "the flake of the formatter is in no folder of this machine")
        execute(installables.store, program, call.words, {**os.environ, "PRJ_ROOT": app.source_path}, looks_up=False)


def formatter_build(call: Call) -> None:
    """`nix formatter build`."""
    with asked(call, is_writable=True) as installables:
        app = _formatter(call, installables)
        program = built(call, installables, app)
        store = installables.store
        if not call.given.flag("no_link"):
            make_links(store, call.given.text("out_link", "result"), [outputs_of(store, target) for target in app.targets])
        write_text(program)


def _formatter(call: Call, installables: Installables) -> App:
    _refuse_debugger(call)
    if has_source(call):
        raise UsageError("a formatter is of a flake: '--file' and '--expr' mean none")
    return find_app(call, installables, ".", (f"formatter.{call.settings['system']}",), ())


def _refuse_debugger(call: Call) -> None:
    if call.given.flag("debugger"):
        raise NotOurs("'--debugger'")


def _program_folders(store: "Store", paths: list[str]) -> list[str]:
    """The folder `bin` of each path, and of the paths that it wants installed with it; links are followed."""
    found: list[str] = []
    done: set[str] = set()
    waiting = list(paths)
    # The list grows while the loop goes through it.
    for path in waiting:
        if path in done:
            continue
        done.add(path)
        found.append(followed(store, f"{path}/bin"))
        place = _real(store, followed(store, f"{path}/{_PROPAGATED}"))
        if os.path.isfile(place):
            with open(place, encoding="utf-8", errors="surrogateescape") as file:
                waiting += map(store.parse, file.read().split())
    return found


def followed(store: "Store", path: str) -> str:
    """A path in the store without links on the way; EvaluationError if it leads out of the store."""
    parts = [part for part in path.split("/") if part]
    here = ""
    links = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            here = os.path.dirname(here).rstrip("/")
            continue
        if part == ".":
            continue
        here += "/" + part
        place = _real(store, here)
        if here.startswith(store.store_dir + "/") and os.path.islink(place):
            links += 1
            if links > _MOST_LINKS:
                raise EvaluationError("file", f"too many symbolic links encountered while traversing the path '{path}'")
            target = os.readlink(place)
            here = "" if target.startswith("/") else os.path.dirname(here)
            parts[:0] = [part for part in target.split("/") if part]
    if not here.startswith(store.store_dir + "/"):
        raise EvaluationError("file", f"path '{here}' is not in the Nix store")
    return here


def _real(store: "Store", path: str) -> str:
    """The place of a path of the store on this machine."""
    from snowsnake.cli.executing import objects_place

    return objects_place(store) + path[len(store.store_dir) :] if path.startswith(store.store_dir + "/") else path
