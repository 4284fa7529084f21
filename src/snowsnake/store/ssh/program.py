"""Runs a program on another machine by the user's ssh, with the user's configuration, keys and agent.

In: a host, options of a store's URL, a command.  Out: a channel to the command's standard input and output.  ssh writes its messages, and those of
the command, to our standard error, and asks for passwords at the terminal.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence

from snowsnake.foundation.log_numbers import CHATTY
from snowsnake.store.daemon.channel import ProgramChannel
from snowsnake.store.daemon.connection import NotConnected
from snowsnake.store.ssh.authority import SshAuthority

# Type checkers take this for true.  store/light_dataclass.py says why it is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

_STARTED = b"started\n"


@dataclass
class SshOptions:
    """Parameters of the URL.  *host_key*: the only key that the host may have, as in a file of public keys; with "", ssh decides.
    *verbosity*: our level of messages.  *log_fd*: the descriptor for messages of ssh and of the command; None for our standard error."""

    key_file: str = ""
    host_key: str = ""
    compresses: bool = False
    verbosity: int = 3
    log_fd: int | None = None


def decoded_host_key(text: str, host: str) -> str:
    """The parameter `base64-ssh-public-host-key` as text; ValueError if it is not base64."""
    wrong = re.search(r"[^A-Za-z0-9+/=\n]", text)
    try:
        if wrong is not None:
            raise ValueError(f"invalid character in Base64 string: '{wrong[0]}'")
        return base64.b64decode(text, validate=False).decode()
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"while decoding ssh public host key for host '{host}': {error}") from None


class SshProgram:
    """Starts *command* on a host.  If the authority is only `localhost`, the command is started without ssh, as C++ Nix does."""

    def __init__(self, authority: SshAuthority, command: Sequence[str], options: SshOptions, environment: Mapping[str, str] = os.environ) -> None:
        self.authority = authority
        self.command = list(command)
        self.options = options
        self._environment = environment

    def open(self) -> ProgramChannel:
        """A channel to the command; NotConnected if there is no ssh."""
        # ssh runs LocalCommand with the shell that SHELL names.
        environment = {**self._environment, "SHELL": "/bin/sh"}
        if str(self.authority) == "localhost":
            return _started(self.command, environment, self.options.log_fd)
        if not self.options.host_key:
            return _started(self.words(), environment, self.options.log_fd, self.authority.host)
        folder = tempfile.mkdtemp(prefix="snowsnake-ssh-")
        try:
            found = _started(self.words(self._host_key_file(folder)), environment, self.options.log_fd, self.authority.host)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        # If the channel is never closed, the folder is removed at the end of the process.
        found.after_close = weakref.finalize(found, _remove, folder, os.getpid())
        return found

    def _host_key_file(self, folder: str) -> str:
        """Writes the file of known hosts, and returns its name.  ssh looks for the line with the port if the port is not 22."""
        name = os.path.join(folder, "host-key")
        with open(name, "w") as file:
            file.writelines(f"{host} {self.options.host_key.strip()}\n" for host in (self.authority.host, f"[{self.authority.host}]:{self.authority.port}"))
        return name

    def words(self, known_hosts: str = "") -> list[str]:
        """The command line; NotConnected if `NIX_SSHOPTS` cannot be split.  *known_hosts*: the file with the only key that the host may have."""
        options, authority = self.options, self.authority
        text = self._environment.get("NIX_SSHOPTS", "")
        try:
            words = ["ssh", authority.words, "-x", *shlex.split(text)]
        except ValueError as error:
            raise NotConnected(f"while splitting NIX_SSHOPTS '{text}': {error}") from None
        if options.key_file:
            words += ["-i", options.key_file]
        if known_hosts:
            words.append(f"-oUserKnownHostsFile={known_hosts}")
        if options.compresses:
            words.append("-C")
        if authority.port is not None:
            words.append(f"-p{authority.port}")
        words += ["-oPermitLocalCommand=yes", "-oLocalCommand=echo started"]
        # Our own messages are detailed, so those of ssh should be, too.
        if options.verbosity >= CHATTY:
            words.append("-v")
        return [*words, "--", *self.command]


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _started(words: list[str], environment: dict[str, str], log_fd: int | None, host: str = "") -> ProgramChannel:
    try:
        return SshChannel(words, environment, log_fd, host) if host else ProgramChannel(words, environment, log_fd)
    except OSError as error:
        raise NotConnected(f"unable to execute '{words[0]}': {error.strerror}") from None


class SshChannel(ProgramChannel):
    """Removes the first line, which LocalCommand prints once the host has accepted us; if ssh shares another ssh's connection, that line is absent."""

    def __init__(self, words: list[str], environment: dict[str, str], log_fd: int | None, host: str) -> None:
        super().__init__(words, environment, log_fd)
        self._host = host
        self._is_begun = False

    def recv(self, size: int) -> bytes:
        if self._is_begun:
            return super().recv(size)
        self._is_begun = True
        first = b""
        while len(first) < len(_STARTED) and (piece := super().recv(len(_STARTED) - len(first))):
            first += piece
        if not first:
            raise NotConnected(f"failed to start SSH connection to '{self._host}'")
        return super().recv(size) if first == _STARTED else first
