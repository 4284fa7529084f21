"""A second process, which kills builders without a sandbox after our own process has ended.

In: the sessions of builders; each builder announces its own before it becomes another program.  Out: none of their processes outlives ours by more than
a moment.  In a sandbox, the kernel kills them.
"""

from __future__ import annotations

import contextlib
import os
import signal

# We look through all processes at most this many times, because some may fork while others are killed.
_SCANS = 100


class Watcher:
    """The second process.  It is started for the first builder; `close` ends it."""

    def __init__(self) -> None:
        self._fd = -1
        self._pid = 0

    def fd(self) -> int:
        """The descriptor to which a builder writes `joining(its process)`.  OSError if the process cannot be started."""
        if self._fd < 0:
            reading, writing = os.pipe()
            try:
                self._pid = os.fork()
            except OSError:
                os.close(reading)
                os.close(writing)
                raise
            if self._pid == 0:
                try:
                    _watch(reading)
                finally:
                    os._exit(0)
            os.close(reading)
            self._fd = writing
        return self._fd

    def forget(self, pid: int) -> None:
        """Withdraws a session that has ended, because another process may get its number."""
        if self._fd >= 0:
            # Somebody may have killed our second process.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._fd, b"-%d\n" % pid)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            os.waitpid(self._pid, 0)
            self._fd = -1


def joining(pid: int) -> bytes:
    """The line that announces the session of process *pid*."""
    return b"+%d\n" % pid


def _watch(reading: int) -> None:
    """Reads until nobody can write any more, because our process has ended, and each builder has ended or become another program; then kills."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for name in os.listdir("/proc/self/fd"):
        if int(name) != reading:
            try:
                os.close(int(name))
            except OSError:
                pass
    sessions: set[int] = set()
    rest = b""
    while data := os.read(reading, 4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (sessions.add if line[:1] == b"+" else sessions.discard)(int(line[1:]))
    for _ in range(_SCANS):
        if not sessions or not _kill(sessions):
            return


def _kill(sessions: set[int]) -> bool:
    """Kills all processes of some sessions; returns whether there were any."""
    found = False
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The process's name, in brackets, comes before these fields, and may contain anything.
                    state, _, _, session = file.read().rpartition(b")")[2].split()[:4]
                if int(session) in sessions and state not in b"ZX":
                    os.kill(int(name), signal.SIGKILL)
                    found = True
            except OSError:
                continue
    return found
