"""Shows long text at a terminal page by page, with the user's pager.

In: bytes.  Out: the pager, or the bytes on standard output.
"""

import os
import subprocess
import sys

from snowsnake.cli.output import write

_PAGERS = (("pager",), ("less",), ("more",))


def show(text: bytes) -> None:
    """Shows a text, and waits for the user."""
    if not sys.stdout.isatty():
        write(text)
        return
    sys.stdout.flush()
    wanted = os.environ.get("NIX_PAGER", os.environ.get("PAGER"))
    environment = {**os.environ, "LESS": os.environ.get("LESS", "FRSXMK")}
    if wanted not in ("", "cat"):
        for command in (("sh", "-c", wanted),) if wanted else _PAGERS:
            try:
                subprocess.run(command, input=text, env=environment)
                return
            except BrokenPipeError:
                # The user has seen enough.
                return
            except OSError:
                continue
    write(text)
