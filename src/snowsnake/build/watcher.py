"""What ends builders that are in no namespace when our own process is killed: a second process, which waits for that.

In: sessions of builders, each told by the builder itself before it becomes another program.  Out: none of their processes outlives ours by more than
a moment.  (In a sandbox the kernel sees to that.)
"""

from __future__ import annotations

import os
import signal

_SCANS = 100                               # of processes that fork while they are killed


class Watcher:
    """Starts its process for the first builder; `close` ends it."""

    def __init__(self) -> None:
        self._fd = -1
        self._pid = 0

    def fd(self) -> int:
        """Where a builder writes `joining(its process)`."""
        if self._fd < 0:
            reading, self._fd = os.pipe()
            self._pid = os.fork()
            if self._pid == 0:
                try:
                    _watch(reading)
                finally:
                    os._exit(0)
            os.close(reading)
        return self._fd

    def forget(self, pid: int) -> None:
        """The session has ended; its number may become another one's."""
        if self._fd >= 0:
            os.write(self._fd, b"-%d\n" % pid)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            os.waitpid(self._pid, 0)
            self._fd = -1


def joining(pid: int) -> bytes:
    return b"+%d\n" % pid


def _watch(reading: int) -> None:
    """Until nobody can write any more: every builder has become another program or ended by then, and our process with them."""
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
    """Whether there was anything to kill."""
    found = False
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, _, _, session = file.read().rpartition(b")")[2].split()[:4]      # the name before may hold anything
                if int(session) in sessions and state not in b"ZX":
                    os.kill(int(name), signal.SIGKILL)
                    found = True
            except OSError:
                continue
    return found
