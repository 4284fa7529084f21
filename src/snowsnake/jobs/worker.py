"""A worker: a process forked from one that holds the root; it evaluates paths until it is told to end.

In: lists of paths over a socket.  Out: replies over the same socket.  The end of the socket shows that a worker has ended; its unanswered
paths are still known to the other side.
"""

import ctypes
import os
import pickle
import signal
import socket
import struct
import sys
import time
from functools import cache
from typing import Any, NamedTuple

from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.in_place import doubted
from snowsnake.jobs.reply import Group, Path, Reply

RENEW = "renew"                        # the last word of a worker above its memory limit
_HEAD = struct.Struct("<I")
_HOLD_S = 0.1                          # replies are sent at least so often
_GROUP_S = 1.0                         # of CPU time: this much is evaluated again when one attribute of a group has changed
_MOST_GROWTH_BYTES = 2 << 30           # between two collections of everything; of the first 520 MB of nixpkgs 450 are alive, and 0.9 s were spent on finding that
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1


class Channel:
    """Objects over a socket."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._received = bytearray()

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, message: object) -> None:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self.socket.sendall(_HEAD.pack(len(data)) + data)

    def receive_some(self) -> list[Any] | None:
        """Messages that are complete after one read of the socket; None at its end."""
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            return None
        self._received += data
        found = []
        start = 0
        while len(self._received) - start >= _HEAD.size:
            (size,) = _HEAD.unpack_from(self._received, start)
            if len(self._received) - start - _HEAD.size < size:
                break
            start += _HEAD.size
            found.append(pickle.loads(memoryview(self._received)[start : start + size]))
            start += size
        del self._received[:start]
        return found


class Recorded(NamedTuple):
    """Where the record of a worker's group begins: after `asked` questions of a run that began at `since_ns`."""

    asked: int
    since_ns: int


class Worker:
    """The parent's side of a worker process: its unanswered paths."""

    def __init__(self, root: JobRoot, memory_bytes: int, others: list["Worker"], recorded: Recorded | None = None, number: int = 0) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            for other in others:       # otherwise the child would keep their sockets open after we end
                other.channel.socket.close()
            _live(root, Channel(theirs), memory_bytes, recorded)
        theirs.close()
        self.channel: Channel = Channel(ours)
        self.number = number           # that of the worker which it replaces, too
        self.open: list[Path] = []
        self.is_renewed = False
        self.asked_at = 0.0
        self.layer: str | None = None  # of the results that are kept: what was evaluated when it was forked

    def ask(self, paths: list[Path]) -> None:
        """Sends paths.  If the worker has ended, that is noticed when its socket is read."""
        self.open = list(paths)
        self.asked_at = time.monotonic()
        try:
            self.channel.send(paths)
        except ConnectionError:
            pass

    def end(self) -> int:
        """Waits for the process, which has ended or is about to; returns its status as `os.waitpid` does."""
        self.channel.socket.close()
        return os.waitpid(self.pid, 0)[1]

    def stop(self, patience_s: float = 3.0) -> None:
        """Ends the process, at first politely."""
        self.channel.socket.close()
        os.kill(self.pid, signal.SIGINT)
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _live(root: JobRoot, channel: Channel, memory_bytes: int, recorded: Recorded | None) -> None:
    """The life of a worker process; it does not return."""
    code = 1
    interrupts = _Interrupts()
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, interrupts)
        _die_with_parent()
        root.evaluator.enter_child()
        root.evaluator.let_grow(min(memory_bytes // 2, _MOST_GROWTH_BYTES))
        if recorded is None:
            _serve(root, channel, memory_bytes)
        else:
            _serve_group(root, channel, *recorded)
        code = 0
    except (KeyboardInterrupt, ConnectionError):
        code = 130
    except BaseException as error:     # our own bug: it must be seen, and must not become a second run of the parent's program
        sys.stderr.write(f"error: fault of a worker, please report it: {type(error).__name__}: {error}\n")
        if os.environ.get("SNOWSNAKE_DEBUG"):
            import traceback

            traceback.print_exc()
    finally:
        try:
            interrupts.end()
        except KeyboardInterrupt:      # it came just before that
            code = 130
        try:
            root.evaluator.flush_cache()
            root.evaluator.close_store()
            sys.stderr.flush()
        except BaseException:          # there is nothing else to do
            pass
        os._exit(code)


class _Interrupts:
    """What Ctrl-C does to a worker: it is interrupted once, and not while it tidies up, which would leave its temporary files behind."""

    def __init__(self) -> None:
        self._is_over = False

    def __call__(self, number: int, frame: object) -> None:
        if not self._is_over:
            self._is_over = True
            raise KeyboardInterrupt

    def end(self) -> None:
        self._is_over = True


def _serve(root: JobRoot, channel: Channel, memory_bytes: int) -> None:
    while True:
        messages = channel.receive_some()
        if messages is None:
            return
        for paths in messages:
            if not _work(root, channel, paths, memory_bytes):
                channel.send(RENEW)
                return


def _serve_group(root: JobRoot, channel: Channel, base_count: int, since_ns: int) -> None:
    """Evaluates as many paths as take a while, and sends their dependencies; the next group is for a new worker."""
    messages = channel.receive_some()
    while messages == []:
        messages = channel.receive_some()
    if not messages:
        return
    replies: list[Reply] = []
    asked: list[int] = []
    for path in messages[0]:
        replies.append(root.look(path))
        asked.append(root.evaluator.record_count() - base_count)
        if time.process_time() > _GROUP_S:
            break
    root.flush()
    found = doubted(root.evaluator, root.evaluator.dependencies(base_count), since_ns)
    asked[-1] = root.evaluator.record_count() - base_count
    if len(found) > asked[-1]:         # what was evaluated before has an answer that was disputed since
        asked = [len(found)] * len(asked)
    channel.send(Group(replies, [tuple(entry) for entry in found], asked, found.stamps))
    channel.send(RENEW)


def _work(root: JobRoot, channel: Channel, paths: list[Path], memory_bytes: int) -> bool:
    """Evaluates paths; returns whether this worker can go on."""
    held: list[Reply] = []
    since = time.monotonic()
    is_small = True
    for path in paths:
        held.append(root.look(path))
        is_small = resident_bytes() <= memory_bytes
        if time.monotonic() - since > _HOLD_S or not is_small:
            _hand_over(root, channel, held)
            held, since = [], time.monotonic()
        if not is_small:
            return False
    _hand_over(root, channel, held)
    return is_small


def _hand_over(root: JobRoot, channel: Channel, replies: list[Reply]) -> None:
    """Makes everything exist that a reply names, before it is sent."""
    if replies:
        root.flush()
        channel.send(replies)


def resident_bytes() -> int:
    """The memory of this process that is in RAM."""
    try:
        return int(os.pread(_statm(os.getpid()), 64, 0).split()[1]) * _PAGE_BYTES
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@cache
def _statm(pid: int) -> int:
    """To open it takes ten times as long as to read it; a forked process has a file of its own."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def _die_with_parent() -> None:
    """A parent that is killed cannot tell its workers, but Linux does."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)
