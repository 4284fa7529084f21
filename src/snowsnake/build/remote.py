"""Builds by other machines: the program of the setting `build-hook` finds a machine, copies the inputs there and the outputs back.

In: a derivation, the hook.  Out: valid outputs, or a `BuildFailure`.  The protocol is C++ Nix's, so that its hook works with us, and ours with it: requests
go to the hook's standard input; to its standard error it writes answers, and reports in lines of JSON; to its descriptor 4 it writes the builder's log.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

from snowsnake.build.builder import Build
from snowsnake.build.failure import BuildFailure, Refused, builder_failed, log_too_long
from snowsnake.build.options import BuildOptions
from snowsnake.build.request import input_closure
from snowsnake.build.watcher import Watcher, joining
from snowsnake.foundation.log_numbers import BUILD, INFORMATION, LOG_LINE, PHASE, new_activity
from snowsnake.store.daemon.wire import Message
from snowsnake.store.interface import write_all

_PIECE_BYTES = 1 << 16
_POLL_MS = 100
_MOST_LINE_BYTES = 16 << 20
# The hook writes the builder's log to the first of these descriptors; from the second it can read back what ssh has written to that log.
LOG_FD, SEEN_FD = 4, 5
# Our ends of pipes are moved to this descriptor or a higher one, so that none is overwritten when the hook's descriptors are set.
_SAFE_FD = 10


class Declined(Exception):
    """No machine builds this derivation."""


class Postponed(Exception):
    """All machines that could build this derivation are busy."""


class HookProcess:
    """A running hook, which has received the settings.  OSError if it cannot be started."""

    def __init__(self, options: BuildOptions, watcher: Watcher) -> None:
        self._watcher = watcher
        self._rest = bytearray()
        words = [*options.build_hook, str(options.verbosity)]
        with contextlib.ExitStack() as theirs:
            request, self._requests = _pipe(theirs, 0)
            self.said_fd, said = _pipe(theirs, 1)
            self.log_fd, log = _pipe(theirs, 1)
            actions = [(os.POSIX_SPAWN_DUP2, have, wanted) for have, wanted in ((request, 0), (said, 1), (said, 2), (log, LOG_FD), (self.log_fd, SEEN_FD))]
            reset = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE]
            try:
                self.pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions, setsid=True, setsigdef=reset, setsigmask=[])
            except BaseException:
                self._close()
                raise
        os.write(watcher.fd(), joining(self.pid))
        message = Message()
        for name, text in options.hook_settings.items():
            message.add_number(1)
            message.add_text(name)
            message.add_text(text)
        message.add_number(0)
        self.send(message)

    def send(self, message: Message) -> None:
        """Sends a request; BrokenPipeError if the hook has ended."""
        write_all(self._requests, message.data)

    def end_requests(self) -> None:
        """Closes the hook's standard input, so that the hook knows that there are no more requests."""
        os.close(self._requests)
        self._requests = -1

    def lines(self) -> list[str] | None:
        """Reads once what the hook has written; returns the lines that are complete now, None at the end."""
        data = os.read(self.said_fd, _PIECE_BYTES)
        if not data:
            return None
        *ended, rest = data.split(b"\n")
        found = []
        for line in ended:
            self._rest += line
            found.append(self._rest.decode("utf-8", "surrogateescape"))
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > _MOST_LINE_BYTES:
            raise Refused("the build hook wrote a line without an end")
        return found

    def end(self, grace_s: float = 0.0) -> int:
        """Waits up to *grace_s* seconds for the end of the hook, then kills it; returns its exit code, or minus its signal."""
        deadline = time.monotonic() + grace_s
        while not (found := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() >= deadline:
                _kill(self.pid)
                found = os.waitpid(self.pid, 0)
                break
            time.sleep(0.01)
        # This ends what the hook left running.
        _kill(self.pid)
        self._watcher.forget(self.pid)
        self._close()
        return os.waitstatus_to_exitcode(found[1])

    def _close(self) -> None:
        for fd in (self._requests, self.said_fd, self.log_fd):
            if fd >= 0:
                os.close(fd)
        self._requests = self.said_fd = self.log_fd = -1


def _pipe(theirs: contextlib.ExitStack, their_end: int) -> tuple[int, int]:
    """Makes a pipe, and returns (the end to read, the end to write).  *their_end*: 0 or 1, the end that is closed together with *theirs*."""
    ends = []
    for fd in os.pipe():
        ends.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _SAFE_FD))
        os.close(fd)
    theirs.callback(os.close, ends[their_end])
    return ends[0], ends[1]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Hooks:
    """Asks hooks to build.  It keeps one hook that has not accepted a build yet; a hook that has accepted a build belongs to that build."""

    def __init__(self, options: BuildOptions, watcher: Watcher) -> None:
        self._options = options
        self._watcher = watcher
        self._idle: HookProcess | None = None
        self.declines_all = not options.build_hook

    def accepted(self, drv_path: str, system: str, features: Iterable[str], *, is_willing: bool) -> tuple[HookProcess, str]:
        """Returns the hook that builds a derivation, and the machine's name.  Declined or Postponed if there is none.  *is_willing*: this machine has a
        free place for the build."""
        if self.declines_all:
            raise Declined
        message = Message()
        message.add_text("try")
        message.add_number(is_willing)
        message.add_text(system)
        message.add_text(drv_path)
        message.add_texts(sorted(features))
        try:
            if self._idle is None:
                self._idle = HookProcess(self._options, self._watcher)
            self._idle.send(message)
        except BrokenPipeError:
            self._options.on_fault("error: build hook died unexpectedly")
            self.close()
            raise Declined from None
        except OSError as error:
            raise Refused(f'executing "{self._options.build_hook[0]}": {error.strerror}', drv_path) from None
        waiting: list[str] = []
        reply = self._line(waiting, drv_path, "while reading the response from the build hook")
        while not reply.startswith("# "):
            if not tell(reply, self._options):
                self._options.on_message(reply, False)
            reply = self._line(waiting, drv_path, "while reading the response from the build hook")
        if reply == "# accept":
            hook, name = self._idle, self._line(waiting, drv_path, "while reading the machine name from the build hook")
            self._idle = None
            for line in waiting:
                tell(line, self._options)
            return hook, name
        if reply == "# postpone":
            raise Postponed
        if reply == "# decline-permanently":
            self.declines_all = True
            self.close()
        elif reply != "# decline":
            raise Refused(f"bad hook reply '{reply[2:]}'", drv_path)
        raise Declined

    def _line(self, waiting: list[str], drv_path: str, doing: str) -> str:
        """Takes the next line of the idle hook from *waiting*, which has the lines that were read and not used yet; waits for one if it is empty."""
        assert self._idle is not None
        poller = select.poll()
        poller.register(self._idle.said_fd, select.POLLIN)
        while not waiting:
            self._options.check()
            if poller.poll(_POLL_MS):
                found = self._idle.lines()
                if found is None:
                    raise Refused("unexpected EOF reading a line", drv_path, (doing,))
                waiting += found
        return waiting.pop(0)

    def close(self) -> None:
        if self._idle is not None:
            self._idle.end()
            self._idle = None


def tell(line: str, options: BuildOptions, on_log: Callable[[str], None] = lambda line: None) -> bool:
    """Shows the message in a line of a hook to the user; *on_log* gets lines of a builder's log.  Returns False if the line is not a message."""
    if not line.startswith("@nix "):
        return False
    try:
        facts: Any = json.loads(line[5:])
        action = facts["action"]
        if action in ("msg", "start"):
            text = str(facts["msg"]) if action == "msg" else f"{facts['text']}..." if facts.get("text") else ""
            if text and int(facts["level"]) <= options.verbosity:
                options.on_message(text, False)
        elif action == "result" and facts["type"] == LOG_LINE:
            on_log(str(facts["fields"][0]))
        elif action == "result" and facts["type"] == PHASE:
            on_log("@nix " + json.dumps({"action": "setPhase", "phase": str(facts["fields"][0])}, separators=(",", ":")))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        options.on_fault(f"error: bad JSON log message from the build hook: {error}")
    return True


class RemoteBuild(Build):
    """One build by another machine.  `start` raises Declined or Postponed if no machine takes it.  The other machine enforces the limits of time."""

    def __init__(self, hooks: Hooks, features: Iterable[str], *words: Any, is_willing: bool, **named: Any) -> None:
        super().__init__(*words, **named)
        self._hooks = hooks
        self._features = features
        self._is_willing = is_willing
        self._hook: HookProcess | None = None
        self._machine = ""
        self._events: select.epoll | None = None
        # The hook still has the other ends of these descriptors open.
        self._open_fds: set[int] = set()

    def _start(self) -> bool:
        self._hook, self._machine = self._hooks.accepted(self.drv_path, self.drv.system, self._features, is_willing=self._is_willing)
        for path in (self.drv_path, *self.paths.values()):
            self._store.keep(path)
        message = Message()
        message.add_texts(sorted(input_closure(self._store, self.drv)))
        message.add_texts(sorted(self.drv.outputs))
        try:
            self._hook.send(message)
            self._hook.end_requests()
        except BrokenPipeError:
            # The hook has ended: `finish` reports its exit code.
            pass
        self._tell_start()
        self._log = self._new_log()
        self._events = select.epoll()
        for fd in (self._hook.said_fd, self._hook.log_fd):
            self._events.register(fd, select.EPOLLIN)
        self.log_fd = self._events.fileno()
        self._open_fds = {self._hook.said_fd, self._hook.log_fd}
        return True

    def _tell_start(self) -> None:
        self._activity = new_activity()
        doing = f"{self._doing} '{self.drv_path}' on '{self._machine}'"
        fields = [self.drv_path, self._machine, 1, 1]
        self._event("" if self._options.is_quiet else f"{doing}...", False, action="start", fields=fields, level=INFORMATION, parent=0, text=doing, type=BUILD)

    def listen(self) -> bool:
        assert self._events is not None and self._hook is not None and self._log is not None
        for fd, _ in self._events.poll(0):
            if fd == self._hook.said_fd:
                lines = self._hook.lines()
                for line in lines or ():
                    tell(line, self._options, self._write_line)
                is_over = lines is None
            else:
                data = os.read(fd, _PIECE_BYTES)
                self._write(data)
                is_over = not data
            if is_over:
                self._events.unregister(fd)
                self._open_fds.discard(fd)
        return bool(self._open_fds)

    def _write_line(self, line: str) -> None:
        self._write(line.encode("utf-8", "surrogateescape") + b"\n")

    def _write(self, data: bytes) -> None:
        assert self._log is not None
        limit = self._options.max_log_size
        if limit and self._log.size + len(data) > limit:
            self.abandon()
            raise log_too_long(self.drv_path, limit)
        self._log.write(data)

    def overdue(self, now_s: float) -> BuildFailure | None:
        return None

    def finish(self, on_made: Callable[[], None] = lambda: None) -> None:
        assert self._log is not None and self._hook is not None
        try:
            hook, self._hook = self._hook, None
            status = hook.end(1.0)
            self._log.close()
            if status:
                tail = list(self._log.tail) if self._options.shows_log_tail else []
                raise builder_failed(self.drv_path, self.drv, status, tail, may_pass_later=True, log_command=self._options.log_command)
            if not self._is_made():
                raise BuildFailure("some outputs are unexpectedly invalid", self.drv_path, 1)
            on_made()
            self._run_hook()
        finally:
            self._clean()

    def abandon(self, *, keeps: bool = False) -> None:
        if self._hook is not None:
            self._hook.end()
            self._hook = None
        super().abandon()

    def _clean(self, *, keeps: bool = False) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
        super()._clean()
