"""Channels to a daemon: a socket of this machine, or the pipes of a program such as ssh.

In: a connected socket, or a command.  Out: bytes, in both directions, which `Wire` turns into values.  A `Dial` is a function that opens a channel.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable

# A program may take this long to end once we have closed our ends of its pipes.
_GRACE_S = 1.0


class Channel(ABC):
    """A connection in both directions.  `receiving_fd` and `sending_fd` are descriptors to poll; they may be the same."""

    receiving_fd: int
    sending_fd: int

    @abstractmethod
    def recv(self, size: int) -> bytes:
        """Waits for data, and returns at most *size* bytes of it; b"" at the end."""

    @abstractmethod
    def send(self, data: memoryview) -> int:
        """Sends as much of *data* as can be sent at once; returns the number of bytes."""

    @abstractmethod
    def end_sending(self) -> None:
        """Tells the other side that nothing more is sent."""

    @abstractmethod
    def close(self) -> None:
        """Closes both directions, and ends the program that the channel has started, if there is one."""

    def has_hung_up(self) -> bool:
        """Whether the other side has closed the connection, so that nothing need be built for it any more."""
        poller = select.poll()
        poller.register(self.receiving_fd, 0)
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in poller.poll(0))


Dial = Callable[[], Channel]


class SocketChannel(Channel):
    """A connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.receiving_fd = self.sending_fd = connection.fileno()

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def send(self, data: memoryview) -> int:
        return self._socket.send(data)

    def end_sending(self) -> None:
        # The other side may be gone.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()


class ProgramChannel(Channel):
    """A program's standard input and output.  They are pipes, because `nix-daemon --stdio` uses `splice`.

    `close` waits for the program to end; if that takes too long, it terminates the program, and finally kills it.
    """

    def __init__(self, words: list[str], environment: dict[str, str] | None = None, log_fd: int | None = None) -> None:
        """Starts a program; OSError if that cannot be done.  *environment*: None for ours.  *log_fd*: its standard error; None for ours."""
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log_fd, env=environment, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.sending_fd, self.receiving_fd = self._stdin.fileno(), self._stdout.fileno()
        os.set_blocking(self.sending_fd, False)
        self._parent = os.getpid()
        # `close` calls this function once the program has ended.
        self.after_close: Callable[[], object] = lambda: None

    def recv(self, size: int) -> bytes:
        return os.read(self.receiving_fd, size)

    def send(self, data: memoryview) -> int:
        try:
            return os.write(self.sending_fd, data)
        except BlockingIOError:
            # The pipe has less room than a whole write needs.
            return 0

    def end_sending(self) -> None:
        self._stdin.close()

    def close(self) -> None:
        self._stdin.close()
        self._stdout.close()
        # A fork of our process has this channel, too, but the program is not its child.
        if os.getpid() != self._parent:
            return
        for end in (self._process.terminate, self._process.kill, None):
            try:
                self._process.wait(_GRACE_S)
                self.after_close()
                return
            except subprocess.TimeoutExpired:
                if end is not None:
                    end()


class StandardStreams(Channel):
    """Standard input and output as a channel.  Whatever else this process prints goes to standard error from now on."""

    def __init__(self) -> None:
        self.receiving_fd = 0
        self.sending_fd = os.dup(1)
        os.dup2(2, 1)

    def recv(self, size: int) -> bytes:
        return os.read(0, size)

    def send(self, data: memoryview) -> int:
        return os.write(self.sending_fd, data)

    def end_sending(self) -> None:
        sending, self.sending_fd = self.sending_fd, -1
        if sending >= 0:
            os.close(sending)

    def close(self) -> None:
        self.end_sending()
