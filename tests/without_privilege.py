"""Programs of Python in a process of its own that may not read what permissions forbid."""

import subprocess
import sys
from pathlib import Path

from conftest import SOURCE

# Root may read everything, so a child of root gives up that privilege.  It stays root, because a checkout may be in a folder that only root may enter.
_GIVE_UP = """
import ctypes, os, sys
if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)          # _LINUX_CAPABILITY_VERSION_3, this process
    sets = (ctypes.c_uint32 * 6)()                         # effective, permitted, inheritable; each twice, low bits first
    assert libc.capget(header, sets) == 0
    sets[0] &= ~((1 << 1) | (1 << 2))                      # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
"""


def run_without_privilege(program: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _GIVE_UP + program, *words], cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": SOURCE, "PATH": "", "HOME": "/proc/nonexistent"},
    )  # fmt: skip
