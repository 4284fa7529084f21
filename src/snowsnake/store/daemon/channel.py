"""The two ends of a connection to a daemon, whatever it runs through: a socket of this machine, or the pipes of a program such as ssh.

In: a connected socket, or a started program.  Out: bytes, in both directions.  `Wire` makes values of them; who opens channels is `Dial`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable

_GRACE_S = 1.0                             # for a program to end by itself once we closed our ends of its pipes


class Channel(ABC):
    """`receiving_fd` and `sending_fd` can be polled; they may be the same."""

    receiving_fd: int
    sending_fd: int

    @abstractmethod
    def recv(self, size: int) -> bytes:
        """At most *size* bytes, as soon as there are some; b"" at the end."""

    @abstractmethod
    def send(self, data: memoryview) -> int:
        """Sends what can be sent at once, and returns how many bytes these were."""

    @abstractmethod
    def end_sending(self) -> None:
        """Tells the other side that nothing more is sent."""

    @abstractmethod
    def close(self) -> None:
        """Closes both directions, and ends what belongs to the channel."""


Dial = Callable[[], Channel]


class SocketChannel(Channel):
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.receiving_fd = self.sending_fd = connection.fileno()

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def send(self, data: memoryview) -> int:
        return self._socket.send(data)

    def end_sending(self) -> None:
        with contextlib.suppress(OSError):     # the other side may be gone
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()


class ProgramChannel(Channel):
    """A program's standard input and output: pipes, because `nix-daemon --stdio` splices.  It ends with the channel: by itself, or killed."""

    def __init__(self, words: list[str], environment: dict[str, str] | None = None) -> None:
        """OSError if there is no such program."""
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.sending_fd, self.receiving_fd = self._stdin.fileno(), self._stdout.fileno()
        os.set_blocking(self.sending_fd, False)
        self._parent = os.getpid()

    def recv(self, size: int) -> bytes:
        return os.read(self.receiving_fd, size)

    def send(self, data: memoryview) -> int:
        try:
            return os.write(self.sending_fd, data)
        except BlockingIOError:            # less room than what was to be sent
            return 0

    def end_sending(self) -> None:
        self._stdin.close()

    def close(self) -> None:
        self._stdin.close()
        self._stdout.close()
        if os.getpid() != self._parent:    # of a fork of ours: the program is not its child
            return
        for end in (self._process.terminate, self._process.kill, None):
            try:
                self._process.wait(_GRACE_S)
                return
            except subprocess.TimeoutExpired:
                if end is not None:
                    end()
