"""`snowsnake derivation`: shows derivations as JSON, and the differences between two of them.

In: paths of `.drv` files, in `/nix/store`, in an embedded store (`--store DIR`) or anywhere else.  Out: JSON, or differences.
"""

import os
from collections.abc import Callable

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.derivation import Derivation

OPTIONS = (
    CommandOption("-r --recursive", "", "show: with all derivations that these need"),
    CommandOption("--store", "DIR", "read derivations from the embedded store in this folder"),
    CommandOption("--json", "", "diff: print JSON"),
    CommandOption("--all", "", "diff: also what follows from another difference"),
    HELP_OPTION,
)
USAGE = "snowsnake derivation (show DRV … | diff OLD NEW) [OPTION …]"
SUMMARY = "show prints derivations as `nix derivation show` does; diff says why two differ, the first cause first."


def run(given: Arguments, reporter: Reporter) -> int:
    action, paths = given.action("show", "diff")
    if not paths or (action == "diff" and len(paths) != 2):
        raise UsageError(f"'snowsnake derivation {action}' takes {'two paths' if action == 'diff' else 'paths'} of .drv files")
    # A word may be `x.drv!dev`, a derivation and its output.
    paths = [path.partition("^")[0].partition("!")[0] for path in paths]
    read = reader(given.text("store"))
    try:
        if action == "show":
            _show(paths, read, given.flag("recursive"))
            return 0
        return _diff(paths[0], paths[1], read, given)
    except ValueError as error:
        reporter.failure(str(error))
        return 1


def reader(folder: str) -> "Callable[[str], Derivation]":
    """A function from the path of a `.drv` file to its derivation."""
    from snowsnake.store.derivation import Derivation

    root = os.path.abspath(folder) if folder else ""

    def read(path: str) -> Derivation:
        real = root + path if root and path.startswith("/nix/store/") else os.path.abspath(path)
        with open(real, "rb") as file:
            text = file.read()
        try:
            return Derivation.from_aterm(text, path)
        except ValueError as error:
            raise ValueError(f"error parsing derivation '{path}': {error}") from None

    return read


def _show(paths: list[str], read: "Callable[[str], Derivation]", is_recursive: bool) -> None:
    import json

    from snowsnake.store.derivation import closure, show

    found = closure(paths, read) if is_recursive else {path: read(path) for path in paths}
    write_text(json.dumps(show(found.items()), indent=2, ensure_ascii=False))


def _diff(old: str, new: str, read: "Callable[[str], Derivation]", given: "Arguments") -> int:
    """Prints the differences; returns 0 if there are none and 1 otherwise, as `diff` does."""
    from snowsnake.store.derivation_diff import diff

    differences = [found for found in diff(old, new, read) if found.is_cause or given.flag("all")]
    if given.flag("json"):
        import json

        facts = [
            {
                "old": found.old_path,
                "new": found.new_path,
                "trail": list(found.trail),
                "isCause": found.is_cause,
                "changes": [{"what": c.what, "key": c.key, "old": c.old, "new": c.new} for c in found.changes],
            }
            for found in differences
        ]
        write_text(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for found in differences:
            write_text(str(found))
    return 1 if differences else 0
