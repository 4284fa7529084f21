"""The places of stores that are reached by ssh, for an evaluation (see store/place.py).

In: the URL's host and parameters.  Out: `SshPlace` (the worker protocol), `ServePlace` (the serve protocol).  ssh is not started before a store is used.
"""

import os

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.store.daemon.channel import Channel
    from snowsnake.store.daemon.store import DaemonStore
    from snowsnake.store.ssh.serve import ServeStore

_PROGRAMS = {"ssh": "nix-store", "ssh-ng": "nix-daemon", "mounted-ssh-ng": "nix-daemon"}


class _Place:
    """*scheme*: ssh, ssh-ng or mounted-ssh-ng; *place*: what follows `SCHEME://`; *given*: the parameters of the URL in their types.

    *real*: the folder where the other machine's objects are mounted.  Without it, the attribute `real` is a temporary folder, into which an evaluation
    copies what was built and what it then reads.  ValueError for a text that cannot be a host.
    """

    __slots__ = ("scheme", "given", "store_dir", "real", "name", "options", "on_message", "on_event", "_authority", "_process", "_host_key")

    opens_late = True

    def __init__(
        self, scheme: str, place: str, given: "dict[str, Any]", store_dir: str, *, real: str = "", options: "dict[str, str] | None" = None,
        on_message: "Callable[[str, bool], None] | None" = None, on_event: "Callable[[dict[str, object], str, bool], None] | None" = None,
    ) -> None:  # fmt: skip
        from snowsnake.store.ssh.authority import SshAuthority
        from snowsnake.store.ssh.program import decoded_host_key

        self._authority = SshAuthority.parse(place)
        self._host_key = decoded_host_key(given.get("base64-ssh-public-host-key", ""), self._authority.host)
        self.scheme = scheme
        self.given = given
        self.store_dir = store_dir
        self.name = f"{'ssh' if scheme == 'ssh' else 'ssh-ng'}://{self._authority}"
        self.options = options or {}
        self.on_message = on_message
        self.on_event = on_event
        self._process = os.getpid()
        self.real = real or os.path.join(os.environ.get("TMPDIR") or "/tmp", f"snowsnake-{os.urandom(12).hex()}")

    def _dial(self, *words: str) -> "Callable[[], Channel]":
        """A function that opens a channel.  *words*: options for the other machine's program."""
        from snowsnake.store.ssh.program import SshOptions, SshProgram

        given = self.given
        command = [*(given.get("remote-program") or (_PROGRAMS[self.scheme],)), *words]
        if given.get("remote-store"):
            command += ["--store", given["remote-store"]]
        verbosity = self.options.get("verbosity", "")
        options = SshOptions(given.get("ssh-key") or "", self._host_key, given.get("compress", False), int(verbosity) if verbosity.isdigit() else 3)
        if given.get("log-fd", -1) >= 0:
            options.log_fd = given["log-fd"]
        return SshProgram(self._authority, command, options).open


class SshPlace(_Place):
    """The place of a store with the worker protocol: schemes `ssh-ng` and `mounted-ssh-ng`."""

    __slots__ = ()

    def open(self) -> "DaemonStore":
        from snowsnake.store.ssh.remote import MountedStore, RemoteStore

        if self.scheme == "mounted-ssh-ng":
            dial = self._dial("--stdio", "--process-ops")
            return MountedStore(dial, self.name, self.store_dir, self.real, on_message=self.on_message, on_event=self.on_event)
        return RemoteStore(
            self._dial("--stdio"), self.name, self.store_dir, copies=self.real, copier=self._process, on_message=self.on_message, on_event=self.on_event
        )


class ServePlace(_Place):
    """The place of a store with the serve protocol: scheme `ssh`.  An evaluation writes nothing to it."""

    __slots__ = ()

    def open(self) -> "ServeStore":
        from snowsnake.store.ssh.serve import ServeStore

        return ServeStore(self._dial("--serve", "--write"), self._authority.host, self.name, self.store_dir, options=self.options)
