"""A worker: a process forked from one that holds the root; it evaluates paths until its socket is closed, or it needs to be replaced.

In: lists of paths over a socket.  Out: replies over the same socket.  The end of the socket shows that a worker has ended; its unanswered
paths are still known to the other side.
"""

import ctypes
import os
import pickle
import re
import signal
import socket
import struct
import sys
import time
from functools import cache
from typing import Any, NamedTuple

from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.in_place import Since, doubted
from snowsnake.jobs.reply import Group, Path, Reply

# This is the last message of a worker that is above its memory limit, or has done its group.
RENEW = "renew"
_HEAD = struct.Struct("<I")
# Replies are sent at least this often.
_HOLD_S = 0.1
# A worker looks at its memory after an attribute, but not again before so much time has passed.
_LOOK_S = 0.005
# A group takes about this much CPU time.  When one of its attributes has changed, half of the group is evaluated again on average.
_GROUP_S = 1.0
# The heap may grow by this much between two full collections.  Of the first 520 MB of nixpkgs, 450 MB are alive, and a full collection takes 0.9 s.
_MOST_GROWTH_BYTES = 2 << 30
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1


class TooLarge(NamedTuple):
    """A message of a worker: the evaluation of this path needs more than the worker's memory limit.  It is for a worker of its own."""

    path: Path


class ObjectChannel:
    """Sends and receives Python objects over a socket."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._received = bytearray()

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, message: object) -> None:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self.socket.sendall(_HEAD.pack(len(data)) + data)

    def receive_some(self) -> list[Any] | None:
        """The messages that are complete after one read of the socket; None at its end."""
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
    """Where the record of a worker's group begins: after the first `asked` questions of a run that began at `since`."""

    asked: int
    since: Since


class JobWorker:
    """The parent's side of a worker process: its unanswered paths.  `is_for_large`: it evaluates one path, which was too large for another worker."""

    def __init__(
        self,
        root: JobRoot,
        memory_bytes: int,
        others: list["JobWorker"],
        recorded: Recorded | None = None,
        number: int = 0,
        *,
        is_for_large: bool = False,
    ) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            # Otherwise this child would keep the sockets of the other workers open after the parent has ended.
            for other in others:
                other.channel.socket.close()
            _live(root, ObjectChannel(theirs), _Limits(memory_bytes, is_for_large), recorded, parent)
        theirs.close()
        self.channel: ObjectChannel = ObjectChannel(ours)
        # A worker that replaces another one gets the same number.
        self.number = number
        self.is_for_large = is_for_large
        self.open: list[Path] = []
        self.is_renewed = False
        self.asked_at = 0.0
        # The layer that its results rest on (jobs/memory.py).
        self.layer: str | None = None

    def ask(self, paths: list[Path]) -> None:
        """Sends paths.  If the worker has ended, the run notices it when it reads the socket."""
        self.open = list(paths)
        self.asked_at = time.monotonic()
        try:
            self.channel.send(paths)
        except ConnectionError:
            pass

    def end(self) -> int:
        """Closes the socket and waits for the process, which has ended or ends because of that; returns its status as `os.waitpid` does."""
        self.channel.socket.close()
        return os.waitpid(self.pid, 0)[1]

    def stop(self, patience_s: float = 3.0) -> None:
        """Ends the process with SIGINT, and after *patience_s* with SIGKILL."""
        self.channel.socket.close()
        os.kill(self.pid, signal.SIGINT)
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class _Limits(NamedTuple):
    """The limit of a worker, and whether it evaluates one path that is too large for that limit."""

    memory_bytes: int
    is_for_large: bool

    @property
    def growth_bytes(self) -> int:
        """By how much the values of a worker may grow.  Those of a path that is too large may take two fifths of the free memory, because a collection
        needs as much again for its copy.  A limit of 0 replaces a worker after each path, and leaves as much room for that path."""
        is_for_one = self.is_for_large or self.memory_bytes == 0
        return max(self.memory_bytes, available_bytes() // 5 * 2) if is_for_one else self.memory_bytes


def _live(root: JobRoot, channel: ObjectChannel, limits: _Limits, recorded: Recorded | None, parent: int) -> None:
    """The life of a worker process; it does not return."""
    code = 1
    interrupts = _Interrupts()
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, interrupts)
        _die_with(parent)
        root.evaluator.enter_child()
        root.evaluator.gather_cache()
        root.evaluator.limit_growth(limits.growth_bytes)
        root.evaluator.let_grow(min(limits.memory_bytes // 2, _MOST_GROWTH_BYTES))
        if recorded is None:
            _serve(root, channel, limits)
        else:
            _serve_group(root, channel, limits, *recorded)
        code = 0
    except (KeyboardInterrupt, ConnectionError):
        code = 130
    except BaseException as error:
        # The fault is our own: it must be seen, and the child must not return into the parent's program.
        sys.stderr.write(f"error: fault of a worker, please report it: {type(error).__name__}: {error}\n")
        if os.environ.get("SNOWSNAKE_DEBUG"):
            import traceback

            traceback.print_exc()
    finally:
        try:
            interrupts.end()
        except KeyboardInterrupt:
            # The user pressed Ctrl-C just before `end`.
            code = 130
        try:
            root.evaluator.flush_cache()
            root.evaluator.close_store()
            sys.stderr.flush()
        except BaseException:
            # The process ends, so it cannot do anything about this.
            pass
        os._exit(code)


class _Interrupts:
    """The handler of Ctrl-C in a worker.  It interrupts the worker once, and not while the worker cleans up, because temporary files would be left behind."""

    def __init__(self) -> None:
        self._is_over = False

    def __call__(self, number: int, frame: object) -> None:
        if not self._is_over:
            self._is_over = True
            raise KeyboardInterrupt

    def end(self) -> None:
        self._is_over = True


def _serve(root: JobRoot, channel: ObjectChannel, limits: _Limits) -> None:
    while True:
        messages = channel.receive_some()
        if messages is None:
            return
        for paths in messages:
            if not _work(root, channel, paths, limits):
                channel.send(RENEW)
                return


def _serve_group(root: JobRoot, channel: ObjectChannel, limits: _Limits, base_count: int, since: Since) -> None:
    """Evaluates paths for about _GROUP_S, and sends the replies with their dependencies; the next group is for a new worker."""
    messages = channel.receive_some()
    while messages == []:
        messages = channel.receive_some()
    if not messages:
        return
    replies: list[Reply] = []
    asked: list[int] = []
    too_large: TooLarge | None = None
    for path in messages[0]:
        reply = root.look(path)
        if root.lacked_memory and not limits.is_for_large:
            too_large = TooLarge(path)
            break
        replies.append(reply)
        asked.append(root.evaluator.record_count() - base_count)
        if time.process_time() > _GROUP_S:
            break
    if replies:
        _hand_over_group(root, channel, replies, asked, base_count, since)
    if too_large is not None:
        channel.send(too_large)
    channel.send(RENEW)


def _hand_over_group(root: JobRoot, channel: ObjectChannel, replies: list[Reply], asked: list[int], base_count: int, since: Since) -> None:
    root.flush(replies)
    found = doubted(root.evaluator, root.evaluator.dependencies(base_count), since)
    asked[-1] = root.evaluator.record_count() - base_count
    # If an answer from before the fork has been disputed since, all replies may depend on it.
    if len(found) > asked[-1]:
        asked = [len(found)] * len(asked)
    channel.send(Group(replies, [tuple(entry) for entry in found], asked, found.stamps))


def _work(root: JobRoot, channel: ObjectChannel, paths: list[Path], limits: _Limits) -> bool:
    """Evaluates paths; returns whether this worker can go on."""
    held: list[Reply] = []
    since = time.monotonic()
    looked_at = 0.0
    is_small = True
    for path in paths:
        reply = root.look(path)
        if root.lacked_memory and not limits.is_for_large:
            _hand_over(root, channel, held)
            channel.send(TooLarge(path))
            return False
        held.append(reply)
        now = time.monotonic()
        if now - looked_at > _LOOK_S:
            looked_at = now
            is_small = resident_bytes() <= limits.memory_bytes
        if now - since > _HOLD_S or not is_small:
            _hand_over(root, channel, held)
            held, since = [], now
        if not is_small:
            return False
    _hand_over(root, channel, held)
    return is_small and not limits.is_for_large


def _hand_over(root: JobRoot, channel: ObjectChannel, replies: list[Reply]) -> None:
    """Writes everything that the replies name, and then sends the replies."""
    if replies:
        root.flush(replies)
        channel.send([reply.brief for reply in replies])


def resident_bytes() -> int:
    """The memory of this process that is in RAM."""
    try:
        return int(os.pread(_statm(os.getpid()), 64, 0).split()[1]) * _PAGE_BYTES
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def available_bytes() -> int:
    """The memory of this machine that is free for programs; 0 if the system has no file about it."""
    try:
        with open("/proc/meminfo", "rb") as file:
            found = re.search(rb"^MemAvailable:\s*(\d+) kB", file.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


@cache
def _statm(pid: int) -> int:
    """A descriptor of the file with the memory sizes of this process, which stays open: opening takes ten times as long as reading.

    *pid* is only the key of the cache, so that a forked process opens its own file.
    """
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def _die_with(parent: int) -> None:
    """Asks Linux to kill this process when its parent ends, because a parent that is killed cannot do that.

    The parent may have ended already: then the parent's number is another one now.  A comparison with 1 is not enough, because the parent may have
    that number: it may be the first process of a container.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
