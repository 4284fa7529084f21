"""`nix __build-remote`: the program that the setting `build-hook` names; our builds and those of C++ Nix start it.

In: at standard input, settings, then derivations that could be built elsewhere.  Out: at standard error, an answer to each ("# accept", "# postpone",
"# decline") and lines of JSON; for an accepted one, its inputs on another machine, and its outputs in our store.  Locks in `current-load` say how many builds
a machine has.
"""

import contextlib
import fcntl
import os
import time

from snowsnake.diagnostics.error import as_error
from snowsnake.foundation.file_locks import try_lock
from snowsnake.foundation.log_numbers import CHATTY, TALKATIVE, WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snowsnake.build.machines import Machine
    from snowsnake.cli.output import Reporter
    from snowsnake.settings import Settings
    from snowsnake.store.daemon.build_results import BuildResult
    from snowsnake.store.daemon.wire import Wire
    from snowsnake.store.derivation import Derivation
    from snowsnake.store.interface import Store
    from snowsnake.store.local import LocalStore
    from snowsnake.store.realisation import Realisation

# A larger number is not a verbosity: 2.34.8 keeps it in 32 bits.
_MOST_VERBOSITY = (1 << 32) - 1
# After this time, we no longer wait for another process that sends inputs to the machine.
_UPLOAD_S = 15 * 60.0
_POLL_S = 0.1


def run(words: list[str], reporter: "Reporter") -> int:
    """Answers requests until one is accepted and carried out, or there are no more; returns the exit code."""
    from snowsnake.cli.options import UsageError
    from snowsnake.cli.stores import open_store
    from snowsnake.foundation.digits import whole_number
    from snowsnake.settings import Settings
    from snowsnake.store.daemon.channel import StandardStreams
    from snowsnake.store.daemon.wire import Wire

    reporter.log_format = "internal-json"
    verbosity = whole_number(words[0], _MOST_VERBOSITY) if len(words) == 1 else None
    if verbosity is None:
        raise UsageError("called without required arguments")
    reporter.verbosity = verbosity
    for name in ("DISPLAY", "SSH_ASKPASS"):
        os.environ.pop(name, None)
    wire = Wire(StandardStreams(), "unexpected end-of-file", is_server=True)
    # The program that started us has warned of wrong settings.
    settings = Settings.load(os.environ, warn=lambda text: None)
    try:
        while wire.number():
            settings.set(wire.text(), wire.text())
        with open_store(settings, reporter.warning, is_writable=True, reporter=reporter) as store:
            return _Hook(store, settings, reporter, wire).run()
    except ValueError as error:
        raise as_error(error) from None


class _Hook:
    """Answers the requests at standard input."""

    def __init__(self, store: "Store", settings: "Settings", reporter: "Reporter", wire: "Wire") -> None:
        from snowsnake.build.machines import parse_machines
        from snowsnake.settings.places import state_folder
        from snowsnake.store.local import LocalStore

        self._store = store
        self._settings = settings
        self._reporter = reporter
        self._wire = wire
        self._machines = parse_machines(settings["builders"], settings["system"])
        self._max_jobs = settings["max-jobs"]
        state = store.state if isinstance(store, LocalStore) else state_folder(os.environ)
        self._load = os.path.join(state, "current-load")
        # A machine may be a store in a folder, in which this process builds.
        settings.set("max-jobs", "1")
        settings.set("builders", "")

    def run(self) -> int:
        if not self._machines:
            _say("# decline-permanently")
            return 0
        wire = self._wire
        while not wire.is_at_end() and wire.text() == "try":
            is_willing, system, drv_path, needed = wire.flag(), wire.text(), self._store.parse(wire.text()), set(wire.texts())
            found = self._machine(is_willing, system, drv_path, needed)
            if found is None:
                continue
            machine, remote, slot = found
            try:
                with remote:
                    self._build(machine, remote, drv_path)
            finally:
                os.close(slot)
            return 0
        return 0

    # --- finding a machine

    def _machine(self, is_willing: bool, system: str, drv_path: str, needed: set[str]) -> "tuple[Machine, Store, int] | None":
        """The machine that is to build, its store, and the lock of its free place; None, after an answer, if there is none."""
        settings = self._settings
        could_be_here = self._max_jobs > 0 and system in (settings["system"], *settings["extra-platforms"]) and needed <= set(settings["system-features"])
        os.makedirs(self._load, exist_ok=True)
        while True:
            is_right_kind = False
            with self._locked("main-lock"):
                best: tuple[tuple[float, float, int], Machine, int] | None = None
                for machine in self._machines:
                    if not machine.can_build(system, needed):
                        continue
                    is_right_kind = True
                    load, slot = self._free_place(machine)
                    if slot < 0:
                        continue
                    rank = load / machine.speed_factor, -machine.speed_factor, load
                    if best is not None and best[0] <= rank:
                        os.close(slot)
                        continue
                    if best is not None:
                        os.close(best[2])
                    best = rank, machine, slot
                if best is not None:
                    os.utime(best[2])
            if best is None:
                if is_right_kind and not (is_willing and could_be_here):
                    _say("# postpone")
                else:
                    self._reporter.remark(CHATTY if could_be_here else WARNING, self._nobody(drv_path, system, needed))
                    _say("# decline")
                return None
            _, machine, slot = best
            remote = self._connected(machine)
            if remote is not None:
                return machine, remote, slot
            os.close(slot)
            machine.is_enabled = False

    def _free_place(self, machine: "Machine") -> tuple[int, int]:
        """The number of builds that a machine has, and the lock of a free place (-1 if there is none)."""
        load, free = 0, -1
        for number in range(machine.max_jobs):
            fd = self._open(f"{_file_name(machine.url)}-{number}")
            if not try_lock(fd):
                load += 1
            elif free < 0:
                free = fd
                continue
            os.close(fd)
        return load, free

    def _connected(self, machine: "Machine") -> "Store | None":
        """The store of a machine; None, after a message, if it cannot be reached."""
        from snowsnake.build.remote import LOG_FD, SEEN_FD
        from snowsnake.cli.stores import open_reference

        reporter, reference = self._reporter, machine.reference()
        if reference.scheme == "ssh" and _is_open(LOG_FD):
            reference.parameters["log-fd"] = str(LOG_FD)
        reporter.remark(TALKATIVE, f"connecting to '{machine.url}'...")
        try:
            found = open_reference(reference, self._settings, lambda text: None, is_writable=True, reporter=reporter)
            try:
                found.facts()
            except BaseException:
                found.close()
                raise
            return found
        except (ValueError, OSError) as error:
            said = _waiting_text(SEEN_FD)
            reporter.failure(f"cannot build on '{machine.url}': {error}{f': {said}' if said else ''}")
            return None

    def _nobody(self, drv_path: str, system: str, needed: set[str]) -> str:
        """The message that no machine can build a derivation."""
        def shown(names: "Any") -> str:
            return f"[{', '.join(sorted(names))}]"

        lines = [
            "Failed to find a machine for remote build!", f"derivation: {os.path.basename(drv_path)}",
            f"required (system, features): ({system}, {shown(needed)})", f"{len(self._machines)} available machines:",
            "(systems, maxjobs, supportedFeatures, mandatoryFeatures)",
            *(f"({shown(m.systems)}, {m.max_jobs}, {shown(m.features)}, {shown(m.mandatory)})" for m in self._machines),
        ]  # fmt: skip
        return "\n".join(lines)

    # --- building there

    def _build(self, machine: "Machine", remote: "Store", drv_path: str) -> None:
        """Accepts a derivation, copies its inputs to the machine, has it built there, and copies its outputs here."""
        from snowsnake.build.copying import copy_paths
        from snowsnake.store.graph import closure

        store, wire, reporter = self._store, self._wire, self._reporter
        _say("# accept")
        _say(machine.url)
        inputs, wanted = [store.parse(path) for path in wire.texts()], wire.texts()
        substitutes = self._settings["builders-use-substitutes"]
        with self._upload_lock(machine):
            reporter.remark(TALKATIVE, f"copying dependencies to '{machine.url}'...")
            copy_paths(store, remote, inputs, None, reporter.info, on_event=reporter.event, substitutes=substitutes)
        drv = store.read_derivation(drv_path)
        if remote.facts().get("trusted", True) or all(output.kind in ("fixed", "floating") for output in drv.outputs.values()):
            result = self._built(remote, drv_path, drv, inputs if drv.input_drvs else drv.input_srcs)
            if not result.is_success:
                if self._settings["keep-failed"]:
                    reporter.warning("The failed build directory was kept on the remote builder due to `--keep-failed`.")
                raise ValueError(f"build of '{drv_path}' on '{machine.url}' failed: {result.message}")
            made = {realisation.key.rpartition("!")[2]: realisation for realisation in result.outputs}
        else:
            copy_paths(store, remote, closure(store, [drv_path]), None, reporter.info, on_event=reporter.event, substitutes=substitutes)
            remote.realise([f"{drv_path}!*"])
            digest = store.output_hash(drv)
            found = {name: remote.realisation(f"{digest}!{name}") for name in drv.outputs if not drv.outputs[name].path}
            made = {name: realisation for name, realisation in found.items() if realisation is not None}
        self._fetch_outputs(machine, remote, drv, wanted, made)

    def _fetch_outputs(self, machine: "Machine", remote: "Store", drv: "Derivation", wanted: list[str], made: "dict[str, Realisation]") -> None:
        """Copies the outputs into our store.  *made*: the realisations of outputs whose paths were not known before."""
        from snowsnake.build.copying import copy_paths

        store, reporter = self._store, self._reporter
        missing = {output.path for output in drv.outputs.values() if output.path and not store.is_valid(output.path)}
        unknown = []
        if not all(output.path for output in drv.outputs.values()):
            digest = store.output_hash(drv)
            keys = {name: f"{digest}!{name}" for name in wanted}
            unknown = [made[name] for name, key in keys.items() if name in made and made[name].key == key and store.realisation(key) is None]
        missing |= {realisation.path for realisation in unknown if not store.is_valid(realisation.path)}
        if missing:
            reporter.remark(TALKATIVE, f"copying outputs from '{machine.url}'...")
            copy_paths(remote, store, sorted(missing), None, reporter.info, on_event=reporter.event)
        for realisation in unknown:
            store.register_realisation(realisation)

    def _built(self, remote: "Store", drv_path: str, drv: "Derivation", inputs: list[str]) -> "BuildResult":
        """Has a machine, or a store in a folder, build the derivation."""
        from snowsnake.store.daemon.store import DaemonStore
        from snowsnake.store.interface import Unsupported
        from snowsnake.store.local import LocalStore
        from snowsnake.store.ssh.serve import ServeStore

        if isinstance(remote, (DaemonStore, ServeStore)):
            return remote.build_derivation(drv_path, drv, inputs)
        if not isinstance(remote, LocalStore):
            raise Unsupported("buildDerivation", remote.url)
        return self._built_in_folder(remote, drv_path, drv, inputs)

    def _built_in_folder(self, remote: "LocalStore", drv_path: str, drv: "Derivation", inputs: list[str]) -> "BuildResult":
        from functools import partial

        from snowsnake.cli.building import failures_of
        from snowsnake.store.daemon.build_results import build_sent
        from snowsnake.store.light_dataclass import replace

        plain: Derivation = replace(drv, input_drvs={}, input_srcs=sorted(inputs))
        return build_sent(remote, drv_path, plain, remote.realise, partial(failures_of, self._reporter))

    # --- locks

    def _open(self, name: str) -> int:
        return os.open(os.path.join(self._load, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextlib.contextmanager
    def _locked(self, name: str) -> "Iterator[None]":
        fd = self._open(name)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _upload_lock(self, machine: "Machine") -> "Iterator[None]":
        """Lets one process at a time send inputs to a machine."""
        fd = self._open(f"{_file_name(machine.url)}.upload-lock")
        try:
            self._reporter.remark(TALKATIVE, f"waiting for the upload lock to '{machine.url}'...")
            until_s = time.monotonic() + _UPLOAD_S
            while not try_lock(fd):
                if time.monotonic() > until_s:
                    self._reporter.failure(f"somebody is hogging the upload lock for '{machine.url}', continuing...")
                    break
                time.sleep(_POLL_S)
            yield
        finally:
            os.close(fd)


def _say(line: str) -> None:
    os.write(2, f"{line}\n".encode("utf-8", "surrogateescape"))


def _file_name(url: str) -> str:
    return url.replace("/", "_")


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _waiting_text(fd: int) -> str:
    """The text that can be read without waiting."""
    found = b""
    with contextlib.suppress(OSError):
        os.set_blocking(fd, False)
        while piece := os.read(fd, 1 << 16):
            found += piece
    return found.decode("utf-8", "surrogateescape").rstrip()
