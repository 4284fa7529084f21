"""`nix config check`: looks for faults of the commands and the store of this machine.

In: a `Call`.  Out: lines that begin with [PASS], [FAIL] or [INFO]; exit code 2 if something fails.
"""

import os

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.store import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_COLOURS = {"PASS": "32;1", "FAIL": "31;1", "INFO": "34;1"}


def run(call: Call) -> int:
    from snowsnake.cli.stores import shown_url
    from snowsnake.diagnostics.render import terminal_colours

    note = call.reporter.info
    has_colours = terminal_colours(2, os.environ)

    def tell(mark: str, text: str) -> bool:
        note((f"\x1b[{_COLOURS[mark]}m[{mark}] \x1b[0m" if has_colours else f"[{mark}] ") + text)
        return mark != "FAIL"

    url = shown_url(call.settings, call.reporter.warning)
    note(f"Running checks against store uri: {url}")
    is_fine = _commands(tell)
    with opened(call, is_writable=False) as store:
        trusted = store.facts().get("trusted")
    if trusted is None:
        tell("INFO", f"Store uri: {url} doesn't have a notion of trusted user")
    else:
        tell("INFO", f"You are {'trusted' if trusted else 'not trusted'} by store uri: {url}")
    return 0 if is_fine else 2


def _commands(tell: "Callable[[str, str], bool]") -> bool:
    """Checks that exactly one installation of Nix's commands is on the PATH."""
    folders = set()
    for folder in os.environ.get("PATH", "").split(":"):
        path = os.path.join(folder, "nix-env")
        if os.path.exists(path):
            folders.add(os.path.dirname(os.path.realpath(path)))
    if not folders:
        return tell("FAIL", "No nix-env found in PATH.")
    if len(folders) > 1:
        return tell("FAIL", "Multiple versions of nix found in PATH:\n" + "".join(f'  "{folder}"\n' for folder in sorted(folders)))
    return tell("PASS", "PATH contains only one nix version.")
