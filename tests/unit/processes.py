"""Other processes, as `/proc` shows them."""

import os
from pathlib import Path


def command_lines() -> dict[int, bytes]:
    """The words of each process that runs, each with a NUL behind it."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found[int(name)] = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            # It has ended.
            continue
    return found
