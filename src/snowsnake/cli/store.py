"""`snowsnake store`: lists and checks an embedded store.

In: the folder of a store (`--store DIR`).  Out: paths, facts about paths, contents, faults.
"""

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write, write_line, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.local import LocalStore

OPTIONS = (
    CommandOption("--store", "DIR", "the folder of the store"),
    CommandOption("--no-contents", "", "verify: only the database and which files there are, not their hashes"),
    HELP_OPTION,
)
USAGE = "snowsnake store (ls | info PATH … | cat PATH | verify) --store DIR"
SUMMARY = "ls lists the valid paths; info prints hash, size and references; cat prints a file; verify looks for faults."


def run(given: Arguments, reporter: Reporter) -> int:
    action, paths = given.action(*_ACTIONS)
    if not given.text("store"):
        raise UsageError("say which store: --store DIR")
    if bool(paths) != (action in ("info", "cat")):
        raise UsageError(f"'snowsnake store {action}' takes {'no' if paths else 'at least one'} path")
    from snowsnake.store.local import LocalStore

    try:
        with LocalStore(given.text("store"), read_only=True) as store:
            return _ACTIONS[action](store, paths, given)
    except ValueError as error:
        reporter.failure(str(error))
        return 1


def _list(store: "LocalStore", paths: list[str], given: Arguments) -> int:
    for path in store.paths():
        write_line(path.encode())
    return 0


def _info(store: "LocalStore", paths: list[str], given: Arguments) -> int:
    import json
    from dataclasses import asdict

    facts = {}
    for path in paths:
        info = store.info(path)
        if info is None:
            raise ValueError(f"path '{path}' is not valid")
        facts[path] = asdict(info)
    write_line(json.dumps(facts, indent=2, default=str).encode())
    return 0


def _cat(store: "LocalStore", paths: list[str], given: Arguments) -> int:
    for path in paths:
        write(store.read(path))
    return 0


def _verify(store: "LocalStore", paths: list[str], given: Arguments) -> int:
    faults = store.verify(check_contents=not given.flag("no_contents"))
    for fault in faults:
        write_text(fault)
    if not faults:
        write_line(f"{len(store.paths())} paths, no faults".encode())
    return 1 if faults else 0


_ACTIONS = {"ls": _list, "info": _info, "cat": _cat, "verify": _verify}
