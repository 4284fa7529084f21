"""`nix-daemon` of Nix 2.34, option for option: `snowsnake-store` when it is called by this name (`snowsnake links`); and `nix daemon`.

In: the words of its command line.  Out: with `--stdio` it serves the client on standard input (`ssh-ng://` stores start it so); otherwise it serves
the clients that connect to the socket, each in a process of its own.
"""

import grp
import json
import os
import pwd
import signal
import socket
import struct
import sys
import time

from snowsnake.cli.old.command_line import Common, Request, run_request
from snowsnake.cli.output import Reporter, guarded
from snowsnake.diagnostics.error import as_error
from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.store_reference import StoreReference

# `typing` would be imported by every command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from snowsnake.cli.nix.command_line import Call
    from snowsnake.store.daemon.channel import Channel
    from snowsnake.store.garbage import Collector
    from snowsnake.store.interface import Store
    from snowsnake.store.path_info import PathInfo

_HELP = """usage: nix-daemon [OPTION …]

Takes the options of that of Nix 2.34; its manual applies:
  --stdio                              serve the client on standard input and output
  --force-trusted, --force-untrusted   whom to trust, whoever it is (feature daemon-trust-override)
  --process-ops                        do what is requested here, and not behind another daemon"""
# The daemon waits this long after it failed to accept a client.
_RETRY_S = 0.1
# Settings that every client may change, and settings that no client changes.
_EVERYBODY_SETS = ("timeout", "max-silent-time", "build-poll-interval", "connect-timeout")
_NOBODY_SETS = ("experimental-features", "plugin-files", "ssh-auth-sock")
_TRUST = {"--force-trusted": True, "--force-untrusted": False, "--default-trust": None}


class _Request(Request):
    FLAGS = {"--stdio": "is_stdio", "--daemon": "is_daemon", "--process-ops": "processes"}
    takes_words = False

    def __init__(self) -> None:
        super().__init__()
        self.is_stdio = self.is_daemon = self.processes = False
        self.trust: bool | None = None
        self.is_overridden = False

    def option(self, word: str, rest: list[str]) -> bool:
        if word not in _TRUST:
            return super().option(word, rest)
        self.trust, self.is_overridden = _TRUST[word], True
        return True


class Served:
    """Implements `Duties` of store/daemon/server.py: what the server needs from the layers above the store, such as settings and messages."""

    def __init__(self, store: "Store", settings: Settings, reporter: Reporter) -> None:
        self._store = store
        self._settings = settings
        self._reporter = reporter

    def set_verbosity(self, level: int) -> None:
        self._reporter.verbosity = level

    def set_option(self, name: str, text: str, *, is_trusted: bool) -> None:
        warn = self._reporter.warning
        if name in _NOBODY_SETS:
            return
        if not is_trusted and name in ("substituters", "binary-caches"):
            text = " ".join(word for word in text.split() if self._may_substitute(word))
        elif not is_trusted and name not in _EVERYBODY_SETS and (name, text) != ("builders", ""):
            warn(f"ignoring the client-specified setting '{name}', because it is a restricted setting and you are not a trusted user")
            return
        try:
            self._settings.set_or_warn(name, text)
        except SettingError as error:
            warn(str(error))

    def _may_substitute(self, word: str) -> bool:
        allowed = {*self._settings["trusted-substituters"], *self._settings["substituters"]}
        try:
            found = StoreReference.parse(word).render()
        except SettingError:
            found = ""
        if found in allowed or f"{found}/" in allowed:
            return True
        self._reporter.warning(
            f"ignoring untrusted substituter '{word}', you are not a trusted user.\n"
            "Run `man nix.conf` for more information on the `substituters` configuration option."
        )
        return False

    def check_signature(self, info: "PathInfo") -> None:
        from snowsnake.build.copying import check_signatures
        from snowsnake.store.local import LocalStore
        from snowsnake.store.trust import PublicKeys

        if self._settings["require-sigs"] and isinstance(self._store, LocalStore):
            check_signatures(info, self._store, PublicKeys.parse(list(self._settings["trusted-public-keys"])))

    def collector(self) -> "Collector":
        from snowsnake.cli.collecting import collector_of
        from snowsnake.store.local import LocalStore

        if not isinstance(self._store, LocalStore):
            raise ValueError(f"Garbage collection not supported by store '{self._store.url}'")
        return collector_of(self._store, self._settings, self._reporter.info)

    def verify(self, *, checks_contents: bool, repairs: bool) -> bool:
        from snowsnake.cli.verifying import verify_store
        from snowsnake.store.interface import Unsupported
        from snowsnake.store.local import LocalStore

        if not isinstance(self._store, LocalStore):
            raise Unsupported("verifyStore", self._store.url)
        return verify_store(self._store, self._reporter, checks_contents=checks_contents, repairs=repairs)

    def failures(self, make: "Callable[[], object]") -> "dict[str, ValueError]":
        from snowsnake.cli.building import failures_of

        return failures_of(self._reporter, make)


class _ClientReporter(Reporter):
    """Tells a client everything that a command would tell its user."""

    def __init__(self) -> None:
        super().__init__("internal-json")
        self.send: Callable[[dict[str, Any]], None] = lambda facts: None

    def _write(self, text: str) -> None:
        for line in text.split("\n@nix "):
            whole = line.removeprefix("@nix ")
            self.send(json.loads(whole) if whole.startswith("{") else {"action": "msg", "level": 0, "msg": whole})


def serve(settings: Settings, channel: "Channel", *, is_trusted: bool) -> None:
    """Serves one client; raises ValueError if the other end is not a client."""
    from snowsnake.cli.stores import open_store
    from snowsnake.store.daemon.server import DaemonServer

    reporter = _ClientReporter()
    with open_store(settings, reporter.warning, is_writable=True, reporter=reporter) as store:
        server = DaemonServer(store, channel, Served(store, settings, reporter), is_trusted=is_trusted)
        reporter.send = server.tell
        server.run()


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    return run_request(_Request(), words, reporter, "nix-daemon", _HELP, _answer)


def _answer(request: _Request, common: Common) -> None:
    if request.is_overridden:
        common.settings.require("daemon-trust-override")
    if request.processes:
        common.settings.require("mounted-ssh-store")
    _run(common.settings, common.reporter, request.trust, is_stdio=request.is_stdio)


def run_for_nix(call: "Call") -> int:
    """`nix daemon`."""
    given = call.given
    trust = True if given.flag("force_trusted") else False if given.flag("force_untrusted") else None
    if any(given.flag(key) for key in ("force_trusted", "force_untrusted", "default_trust")):
        call.settings.require("daemon-trust-override")
    if given.flag("process_ops"):
        call.settings.require("mounted-ssh-store")
    _run(call.settings, call.reporter, trust, is_stdio=given.flag("stdio"))
    return 0


def _run(settings: Settings, reporter: Reporter, trust: bool | None, *, is_stdio: bool) -> None:
    try:
        if is_stdio:
            from snowsnake.store.daemon.channel import StandardStreams

            serve(settings, StandardStreams(), is_trusted=trust is not False)
        else:
            _listen(settings, reporter, trust)
    except ValueError as error:
        raise as_error(error) from None


def _listen(settings: Settings, reporter: Reporter, trust: bool | None) -> None:
    """Accepts clients until a signal ends the process."""
    from snowsnake.settings.places import daemon_socket

    path = daemon_socket(settings.environment)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        # Everybody may connect; the server then decides who may stay.
        mask = os.umask(0o111)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(100)
        # The kernel removes children that end, because nobody waits for them.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        before = {number: signal.signal(number, lambda *facts: os._exit(0)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        while True:
            try:
                connection, _ = listener.accept()
                with connection:
                    if os.fork() == 0:
                        _serve_in_child(settings, reporter, connection, listener, trust, before)
            except OSError as error:
                # Descriptors or processes may run out for a while; the daemon goes on.  A reporter would import modules, which takes descriptors.
                os.write(2, f"error: accepting a connection: {error.strerror}\n".encode())
                time.sleep(_RETRY_S)


def _serve_in_child(
    settings: Settings, reporter: Reporter, connection: socket.socket, listener: socket.socket, trust: bool | None, handlers: "dict[signal.Signals, Any]"
) -> None:
    """Serves one client and ends this process, whatever happens: it must not go on as a second daemon.  *handlers*: those that the signals had before."""
    code = 1
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        code = _serve_one(settings, reporter, connection, listener, trust)
    finally:
        os._exit(code)


def _serve_one(settings: Settings, reporter: Reporter, connection: socket.socket, listener: socket.socket, trust: bool | None) -> int:
    """Serves one client in the current process, which is the client's own; returns the exit code."""
    from snowsnake.store.daemon.channel import SocketChannel

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    os.setsid()
    try:
        if trust is None:
            trust = _authenticate(settings, reporter, connection)
        serve(settings, SocketChannel(connection), is_trusted=trust)
        return 0
    except (ValueError, OSError) as error:
        reporter.failure(str(error))
        return 1
    finally:
        sys.stderr.flush()


def _authenticate(settings: Settings, reporter: Reporter, connection: socket.socket) -> bool:
    """Whether the user at the other end is trusted; ValueError for one who may not connect."""
    process, user, group = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    names = _names_of(user, group)
    is_trusted = _is_among(names, settings["trusted-users"])
    if not is_trusted and not _is_among(names, settings["allowed-users"]):
        raise ValueError(f"user '{names[0]}' is not allowed to connect to the Nix daemon")
    reporter.info(f"accepted connection from pid {process}, user {names[0]}{' (trusted)' if is_trusted else ''}")
    return is_trusted


def _names_of(user: int, group: int) -> list[str]:
    """The name of a user, or its number, and `@` with the name of its group."""
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    try:
        return [name, "@" + grp.getgrgid(group).gr_name]
    except KeyError:
        return [name, f"@{group}"]


def _is_among(names: list[str], allowed: "Iterable[str]") -> bool:
    for word in allowed:
        if word == "*" or word in names:
            return True
        if word.startswith("@"):
            try:
                if names[0] in grp.getgrnam(word[1:]).gr_mem:
                    return True
            except KeyError:
                continue
    return False


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    return guarded(run, sys.argv[1:] if words is None else words, Reporter(is_old_command=True), "nix-daemon")


if __name__ == "__main__":
    sys.exit(main())
