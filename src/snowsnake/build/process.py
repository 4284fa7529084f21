"""A running builder: a process with its group or its namespaces, its log, and its end.

In: a program, its environment, a `Sandbox` or None.  Out: `Running`, whose log is read from `log_fd` until it ends.
The builder does not outlive its parent: when the parent ends, the builder and everything that it started are killed.
"""

from __future__ import annotations

import contextlib
import os
import pty
import resource
import select
import signal
import socket
import termios
import tty
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from snowsnake.build import system_calls
from snowsnake.build.filter import restrict
from snowsnake.build.sandbox import Sandbox, enter, leave_namespaces, map_users
from snowsnake.build.watcher import Watcher, joining

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

_MAX_FAULT_BYTES = 4096


@dataclass
class Running:
    """A builder's process.  *log_fd*: our end of the terminal that is its standard output and error.  *watcher*: the watcher that knows its session;
    None for a builder in a sandbox."""

    pid: int
    log_fd: int
    watcher: Watcher | None = None

    def end(self, grace_s: float = 0.0) -> int:
        """Kills the builder and what it left running; returns its exit code, or minus its signal.  *grace_s*: how long it may take to end by itself."""
        watched = os.pidfd_open(self.pid)
        poller = select.poll()
        poller.register(watched, select.POLLIN)
        ended = poller.poll(1000 * grace_s)
        os.close(watched)
        if not ended:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                # The builder has no group yet.
                os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # This ends what the builder left running.
            os.killpg(self.pid, signal.SIGKILL)
        if self.watcher is not None:
            self.watcher.forget(self.pid)
        with contextlib.suppress(OSError):
            os.close(self.log_fd)
        return os.waitstatus_to_exitcode(status)


def start(
    program: str | Callable[[], None], arguments: Sequence[str], environment: Mapping[str, str], folder: str, sandbox: Sandbox | Watcher,
    *, is_trusted: bool = False,
) -> Running:  # fmt: skip
    """Starts a builder in *folder* (as it sees it): a program, or one of our functions.  Without a sandbox, a `Watcher` takes its place.

    *is_trusted*: the program is one of the user's, which may do what the user may.  OSError says why the builder or its sandbox cannot be started; in
    that case nothing is left running.
    """
    watcher = sandbox if isinstance(sandbox, Watcher) else None
    watcher_fd = -1 if watcher is None else watcher.fd()
    parent = os.getpid()
    with contextlib.ExitStack() as on_failure, contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        log_fd, terminal = pty.openpty()
        on_failure.callback(os.close, log_fd)
        theirs.callback(os.close, terminal)
        # Otherwise the terminal would turn each newline into a carriage return and a newline.
        tty.setraw(terminal, termios.TCSANOW)
        faults, fault_end = os.pipe()
        ours.callback(os.close, faults)
        theirs.callback(os.close, fault_end)
        our_end, their_end = socket.socketpair()
        ours.enter_context(our_end)
        theirs.enter_context(their_end)
        pid = os.fork()
        if pid == 0:
            try:
                system_calls.end_with_parent(signal.SIGKILL)
                # The parent may have been killed before we asked to end with it.
                if os.getppid() != parent:
                    os._exit(1)
                os.setsid()
                if watcher is not None:
                    os.write(watcher_fd, joining(os.getpid()))
                shut_in = None if isinstance(sandbox, Watcher) else sandbox
                _become_builder(program, arguments, environment, folder, shut_in, terminal, fault_end, their_end, is_trusted)
            except BaseException as error:
                os.write(fault_end, _described(error).encode("utf-8", "surrogateescape")[:_MAX_FAULT_BYTES])
            finally:
                os._exit(1)
        theirs.close()
        on_failure.pop_all()
        running = Running(pid, log_fd, watcher)
        on_failure.callback(running.end)
        if isinstance(sandbox, Sandbox) and sandbox.user is not None and our_end.recv(1):
            map_users(sandbox, pid, sandbox.user, sandbox.user)
            our_end.send(b"m")
        with open(faults, "rb", closefd=False) as file:
            fault = file.read(_MAX_FAULT_BYTES).decode("utf-8", "surrogateescape")
        if fault:
            code, _, message = fault.partition(" ")
            raise OSError(int(code), message)
        on_failure.pop_all()
    return running


def _described(error: BaseException) -> str:
    """The number and the message of an error, in the form in which the child sends them to its parent."""
    if isinstance(error, OSError):
        return f"{error.errno or 0} {error.strerror or error}" + (f": '{error.filename}'" if error.filename else "")
    return f"0 {type(error).__name__}: {error}"


def _become_builder(
    program: str | Callable[[], None],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    sandbox: Sandbox | None,
    slave: int,
    fault_end: int,
    parent: socket.socket,
    is_trusted: bool,
) -> None:
    _forget_signals()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(slave, 1)
    os.dup2(slave, 2)
    _close_all_but(fault_end, parent.fileno())
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sandbox is not None:
        user, group = os.geteuid(), os.getegid()
        leave_namespaces(sandbox)
        if sandbox.user is None:
            map_users(sandbox, "self", user, group)
        else:
            parent.send(b"n")
            parent.recv(1)
        parent.close()
        alive, stays_open = os.pipe()
        first = os.fork()
        if first:
            _stand_for(first, fault_end)
        os.close(stays_open)
        enter(sandbox)
        # This request comes after the change of users, which would cancel it.
        system_calls.end_with_parent(signal.SIGKILL)
        # Our parent may have been killed before we asked to end with it.
        if _is_closed(alive):
            os._exit(1)
        os.close(alive)
    os.chdir(folder)
    if not is_trusted:
        system_calls.forget_keys()
        restrict()
    if callable(program):
        os.close(fault_end)
        _run(program)
    try:
        os.execve(program, [os.path.basename(program), *arguments], c_environment(environment))
    except OSError as error:
        if is_trusted:
            raise
        os.close(fault_end)
        _end(f"error: executing '{program}': {error.strerror}")


def c_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables as C passes them: a name ends at its first `=`, and an entry at its first zero byte.  Of equal names, the last one counts, as in a shell.

    >>> c_environment({"A": "1", "A=B": "2", "C=D": "3", "": "4"})
    {'A': 'B=2', 'C': 'D=3'}
    """
    found: dict[str, str] = {}
    for name, value in sorted(environment.items()):
        start, _, rest = f"{name}={value}".partition("\0")[0].partition("=")
        if start:
            found[start] = rest
    return found


def _run(function: Callable[[], None]) -> NoReturn:
    """Runs a builder that is part of Nix, in the builder's process, and ends the process."""
    try:
        function()
    except BaseException as error:
        _end(f"error: {error}")
    os._exit(0)


def _end(message: str) -> NoReturn:
    os.write(2, message.encode("utf-8", "surrogateescape") + b"\n")
    os._exit(1)


def _is_closed(reading: int) -> bool:
    """Whether the other end of a pipe that nobody writes to is closed.  `select.select` cannot be used: it accepts only descriptors below 1024."""
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    return bool(poller.poll(0))


def _stand_for(pid: int, fault_end: int) -> None:
    """Waits for *pid*, the first process of the namespace, and ends in the same way: with its exit code, or by its signal."""
    for fd in (0, 1, 2, fault_end):
        os.close(fd)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


def _forget_signals() -> None:
    """Gives all signals the default handling: the builder must not inherit ours."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def _close_all_but(*kept: int) -> None:
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)
