"""The build of one derivation: locks, folders, the process, its log, its end.

In: a store, a derivation.  Out: valid outputs, or a `BuildFailure`; in both cases the build leaves no process, lock or folder behind.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from snowsnake.build import outputs, users
from snowsnake.build.attributes import Attributes
from snowsnake.build.builtin import download, run_builtin
from snowsnake.build.external import INSIDE, Greeting, check_external, external_not_started, start_external
from snowsnake.build.failure import BuildFailure, Refused, builder_failed, log_too_long, timed_out
from snowsnake.build.hook import run_diff_hook, run_hook
from snowsnake.build.log import BuildLog
from snowsnake.build.log_messages import LogMessages
from snowsnake.build.options import BuildOptions
from snowsnake.build.process import Running, start
from snowsnake.build.request import BuildRequest, prepare, sees_world
from snowsnake.build.sandbox import Sandbox, shell_paths, why_no_sandbox
from snowsnake.build.watcher import Watcher
from snowsnake.fetch.errors import FetchFailure
from snowsnake.foundation.file_locks import try_lock
from snowsnake.foundation.log_numbers import BUILD, LOG_LINE, PHASE, new_activity
from snowsnake.store.derivation import Derivation
from snowsnake.store.local import LocalStore
from snowsnake.store.path import object_name
from snowsnake.store.realisation import check_path, has_unknown_outputs, known_outputs, scratch_path
from snowsnake.store.removal import remove

# A builder that has closed its log has this many seconds to end by itself.
_GRACE_S = 1.0
_PIECE_BYTES = 1 << 16


class OutputsLocked(Exception):
    """Another process makes the same outputs.  *places*: where they will be."""

    def __init__(self, places: list[str]) -> None:
        super().__init__()
        self.places = places


class Build:
    """Call `start`; then `listen` until it returns False; then `finish`, or at any time `abandon`."""

    def __init__(
        self, store: LocalStore, drv_path: str, drv: Derivation, options: BuildOptions, watcher: Watcher, *, checks: bool = False,
        repairs: frozenset[str] | None = None, goal: str = "",
    ) -> None:  # fmt: skip
        self.drv_path = drv_path
        self.drv = drv
        # The goal is the derivation that was requested; if it had to be resolved, *drv* is what it was resolved to.
        self.goal = goal or drv_path
        # If this is true, valid outputs are built again, to be compared.
        self.checks = checks
        # These outputs are built again because they are damaged.
        self.repairs = repairs or frozenset()
        self._doing = "checking outputs of" if checks else "building" if repairs is None else "repairing outputs of"
        # This maps outputs to their paths: those that are known now, and all of them once the build has succeeded.
        self.paths = {name: output.path for name, output in drv.outputs.items() if output.path}
        self._scratch = {name: output.path or scratch_path(drv_path, drv, name) for name, output in drv.outputs.items()}
        self.log_fd = -1
        self._store = store
        self._options = options
        self._watcher = watcher
        self._locks: list[tuple[str, int]] = []
        # This folder is for our own files: the sandbox's root and copies of outputs.
        self._folder = ""
        # This folder is the builder's.
        self._build_folder = ""
        self._running: Running | None = None
        self._log: BuildLog | None = None
        self._request: BuildRequest | None = None
        self._sandbox: Sandbox | None = None
        # This reads what an external program prints before its builder runs; it is None afterwards, and for other builds.
        self._greeting: Greeting | None = None
        # This is the builder's user outside its sandbox, if that is not the caller.
        self._user: int | None = None
        self._user_lock = -1
        self._started_s = self._heard_s = 0.0
        # The build's events have this number.
        self._activity = 0

    # --- beginning

    def start(self) -> bool:
        """Begins the build.  Returns False if no builder runs, because the outputs are valid: another process, or `builtin:fetchurl`, has made them.

        OutputsLocked: another process is making them, so the caller has to try again later; meanwhile we hold no lock that it could wait for.
        """
        try:
            self._lock()
            if self._is_made() and not self.checks and not self.repairs:
                self._clean()
                return False
            return self._start()
        except BaseException:
            self.abandon()
            raise

    def _is_made(self) -> bool:
        known = known_outputs(self.drv, lambda: self._store.output_hash(self.drv), self._store.realisation)
        valid = {name: path for name, path in known.items() if self._store.has_now(path)}
        if self.checks or len(valid) == len(self.drv.outputs):
            self.paths = valid
        return len(valid) == len(self.drv.outputs)

    def _start(self) -> bool:
        drv, options = self.drv, self._options
        self._folder = self._store.new_folder()
        self._build_folder = self._make_build_folder()
        external = options.external_builder(drv.system)
        self._choose_sandbox(external)
        inside = options.sandbox_build_dir if self._sandbox else INSIDE if external is not None else self._build_folder
        paths = self._scratch
        for path in (self.drv_path, *paths.values()):
            # Outputs are kept before they are valid, too, so that the garbage collector spares what the builder writes there.
            self._store.keep(path)
        self._request = request = prepare(self._store, drv, options, inside, paths)
        self._write_files(request, "" if external is None else "build")
        # An earlier build that was killed may have left something there.
        for path in paths.values():
            remove(self._place(path))
        self._open_log(is_external=external is not None)
        if drv.builder == "builtin:fetchurl" and external is None:
            # Our own user makes the file, and not the builder's.
            self._user = None
            self._download()
            self.finish()
            return False
        if self._sandbox is not None:
            self._give_away()
            self._sandbox.inputs = {path: self._store.real_path(path) for path in request.inputs}
        self._running = self._run(request, inside) if external is None else self._run_external(external, request)
        self.log_fd = self._running.log_fd
        return True

    def _choose_sandbox(self, external: Mapping[str, Any] | None) -> None:
        """Decides what the builder runs in, as which user, and where its outputs come to be."""
        attributes = Attributes(self.drv)
        if external is not None:
            check_external(self._options.knows_external_builders, attributes)
        else:
            self._sandbox = self._make_sandbox(attributes.flag("__noChroot"))
        # Without a sandbox, an output that is built again needs another path, because the existing one is in its way.
        if (self.checks or self.repairs) and self._sandbox is None:
            self._scratch = {name: check_path(self.drv_path, path) for name, path in self._scratch.items()}
        if self._sandbox is not None and os.geteuid() == 0:
            if users.are_there():
                self._user_lock, self._user = users.acquire(self._store.state)
                self._sandbox.user = self._user
            else:
                self._sandbox.is_perhaps_root = True

    def _write_files(self, request: BuildRequest, below: str) -> None:
        """Writes the files that the derivation passes to its builder.  *below*: a folder that is made for them in the build's; "" if none is needed."""
        folder = os.path.join(self._build_folder, below)
        if below:
            os.mkdir(folder, 0o700)
        for name, contents in request.files.items():
            with open(os.path.join(folder, name), "xb") as file:
                file.write(contents)

    def _open_log(self, *, is_external: bool) -> None:
        """Reports that the builder starts, and opens its log.  An external builder is reported later, when it says that it starts."""
        options = self._options
        options.on_remark(5, f"executing builder '{self.drv.builder}'")
        options.on_remark(5, f"using builder args '{' '.join(self.drv.args)}'")
        if not is_external:
            self._tell_start()
        self._log = self._new_log()
        self._started_s = self._heard_s = time.monotonic()

    def _new_log(self) -> BuildLog:
        """A log that also understands the messages that a builder writes into it."""
        options = self._options
        messages = LogMessages(options.on_remark, options.on_warning, options.on_fault, self._tell_phase)
        return BuildLog(
            self.drv_path, options.log_folder, options.log_lines, self._tell, compresses=options.compresses_logs, understands=messages.handle
        )

    def _run(self, request: BuildRequest, inside: str) -> Running:
        """Starts the builder, a program or one of our builtins, in a folder that it knows as *inside*."""
        program: str | Callable[[], None] = self.drv.builder
        if self.drv.builder.startswith("builtin:"):
            program = partial(run_builtin, self.drv.builder, request.environment, self._scratch["out"], inside)
        try:
            return start(program, request.arguments, request.environment, inside, self._sandbox or self._watcher)
        except OSError as error:
            raise self._could_not_start(error) from None

    def _run_external(self, external: Mapping[str, Any], request: BuildRequest) -> Running:
        """Starts the program that builds in our place."""
        self._greeting = Greeting(self.drv_path)
        try:
            return start_external(external, self._store, self.drv, request, self._scratch, self._build_folder, self._watcher)
        except OSError as error:
            raise external_not_started(external, error) from None

    def _tell_start(self) -> None:
        self._activity = new_activity()
        doing = f"{self._doing} '{self.drv_path}'"
        self._event("" if self._options.is_quiet else f"{doing}...", False, action="start", fields=[self.drv_path, "", 1, 1], level=3, parent=0, text=doing, type=BUILD)

    def _tell(self, line: str) -> None:
        shown = f"{self.drv.name}> {line}" if self._options.names_logs else line
        self._event(shown, True, action="result", fields=[line], type=LOG_LINE)

    def _tell_phase(self, phase: str) -> None:
        if self._options.on_event is not None:
            self._event("", True, action="result", fields=[phase], type=PHASE)

    def _event(self, shown: str, is_log: bool, **facts: Any) -> None:
        """Passes an event to `on_event`, if there is one; otherwise passes its text *shown* to `on_message`."""
        if self._options.on_event is not None:
            self._options.on_event({"id": self._activity, **facts}, shown, is_log)
        elif shown or is_log:
            self._options.on_message(shown, is_log)

    def _download(self) -> None:
        """Runs `builtin:fetchurl` in our own process, because it needs what is outside the sandbox.  This is safe: the hash of its result is checked."""
        assert self._request is not None and self._log is not None
        try:
            if "out" not in self.drv.outputs or self.drv.outputs["out"].kind not in ("fixed", "impure"):
                raise ValueError("'builtin:fetchurl' must be a fixed-output or impure derivation")
            place = self._place(self._scratch["out"])
            os.makedirs(os.path.dirname(place), exist_ok=True)
            download(self._request.environment, place, self._build_folder, self._options)
        except (OSError, ValueError, FetchFailure) as error:
            self._log.write(f"error: {error}\n".encode("utf-8", "surrogateescape"))
            raise self._failure(1) from None

    def _could_not_start(self, error: OSError) -> BuildFailure:
        text = f"{error.strerror or error}\nwhile setting up the build environment"
        if self._sandbox is not None and (why := why_no_sandbox()):
            text += (
                f"\nThis machine does not let you make namespaces ({why}). Allow them (sysctl kernel.unprivileged_userns_clone=1,"
                " user.max_user_namespaces; a container needs --security-opt seccomp=unconfined), or build through a Nix daemon."
            )
        return BuildFailure(text, self.drv_path)

    def _make_build_folder(self) -> str:
        """Makes the builder's folder.  If `keep-failed` may keep it, it is made where it can stay, because its path is shown to the user."""
        parent = self._options.build_dir or (os.path.join(self._store.state, "builds") if self._options.keep_failed else self._folder)
        os.makedirs(parent, exist_ok=True)
        return tempfile.mkdtemp(prefix=f"nix-build-{object_name(self.drv_path)}-", dir=parent)

    def _make_sandbox(self, declines: bool) -> Sandbox | None:
        options, store = self._options, self._store
        wants = options.sandbox == "true" or (options.sandbox == "relaxed" and not declines)
        if options.sandbox == "true" and declines:
            raise Refused(f"derivation '{self.drv_path}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'", self.drv_path)
        if wants and not store.is_elsewhere and options.sandbox_fallback and why_no_sandbox():
            wants = False
        if not wants and not store.is_elsewhere:
            return None
        root = os.path.join(self._folder, "root")
        os.makedirs(root)
        extra = dict(options.sandbox_paths)
        if wants and not {"/bin", "/bin/sh"} & set(extra):
            extra = {path: place for path, place in shell_paths().items() if not _is_below(path, extra)} | extra
        if wants:
            self._check_sandbox(extra)
        return Sandbox(
            root, store.store_dir, {}, self._build_folder, options.sandbox_build_dir, extra, sees_world(self.drv),
            sees_machine=not wants, shm_size=options.sandbox_shm_size,
        )  # fmt: skip

    def _check_sandbox(self, extra: Mapping[str, tuple[str, bool]]) -> None:
        if self._store.store_dir.startswith(self._options.sandbox_build_dir.rstrip("/") + "/"):
            raise Refused("`sandbox-build-dir` must not contain the storeDir")
        for outside, may_be_missing in extra.values():
            if not may_be_missing and not os.path.lexists(outside):
                raise Refused(f'getting attributes of path "{outside}": No such file or directory', trace=("while setting up the build environment",))

    def _give_away(self) -> None:
        """Makes the builder's user the owner of the folders and files that the builder may write to."""
        assert self._sandbox is not None
        if self._user is None:
            return
        folder = self._sandbox.root + self._store.store_dir
        os.makedirs(folder, exist_ok=True)
        for path in (folder, self._build_folder, *(entry.path for entry in os.scandir(self._build_folder))):
            os.chown(path, self._user, self._user)
        os.chmod(self._folder, 0o711)

    def _place(self, path: str) -> str:
        """The place of an output while it is built."""
        return self._sandbox.root + path if self._sandbox else self._store.real_path(path)

    # --- locks, as Nix has them

    def _lock(self) -> None:
        names = {output.path or f"{self.drv_path}.{name}" for name, output in self.drv.outputs.items()}
        for name in sorted(names):
            path = self._store.real_path(name) + ".lock"
            while True:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                if not try_lock(fd):
                    os.close(fd)
                    raise OutputsLocked([self._store.real_path(name) for name in sorted(names)])
                if os.fstat(fd).st_size == 0:
                    break
                # The former owner of the lock has removed the file, and marked it with a byte: we have locked a file without a name.
                os.close(fd)
            self._locks.append((path, fd))

    def _unlock(self) -> None:
        for path, fd in self._locks:
            with suppress(FileNotFoundError):
                os.unlink(path)
            os.write(fd, b"d")
            os.close(fd)
        self._locks.clear()

    # --- while it runs

    def listen(self) -> bool:
        """Reads the builder's messages; returns whether more may come."""
        assert self._log is not None
        try:
            data = os.read(self.log_fd, _PIECE_BYTES)
        except OSError:
            # A pseudo-terminal reports in this way (EIO) that nobody has its other end open.
            data = b""
        if not data:
            return False
        self._heard_s = time.monotonic()
        if self._greeting is not None:
            data = self._greeting.rest(data)
            if not self._greeting.is_over:
                return True
            self._greeting = None
            self._tell_start()
        limit = self._options.max_log_size
        if limit and self._log.size + len(data) > limit:
            self.abandon(keeps=self._options.keep_failed)
            raise log_too_long(self.drv_path, limit)
        self._log.write(data)
        return True

    def overdue(self, now_s: float) -> BuildFailure | None:
        """The failure of a builder that has run, or has been silent, for too long; None otherwise.  *now_s*: the time of `time.monotonic`."""
        options = self._options
        if options.max_silent_s and now_s - self._heard_s >= options.max_silent_s:
            return timed_out(self.drv_path, options.max_silent_s)
        if options.timeout_s and now_s - self._started_s >= options.timeout_s:
            return timed_out(self.drv_path, options.timeout_s)
        return None

    # --- ending

    def finish(self, on_made: Callable[[], None] = lambda: None) -> None:
        """Ends a build whose log has ended: makes the outputs valid, or raises a BuildFailure.

        *on_made* is called once the outputs are valid, before the `post-build-hook`, which may ask for them.
        """
        assert self._log is not None and self._request is not None
        is_failed = True
        try:
            status = self._running.end(_GRACE_S) if self._running else 0
            self._running = None
            self._log.close()
            if self._greeting is not None:
                raise self._greeting.fault(status)
            if status != 0:
                raise self._failure(status)
            places = {name: self._place(path) for name, path in self._scratch.items()}
            if self.checks:
                outputs.compare(
                    self._store, self.drv_path, self.drv, self._request, self._scratch, places, self._folder, self._user,
                    self._options.secret_keys, keeps=self._options.keep_failed,
                    on_difference=self._show_difference if self._options.diff_hook else None,
                )  # fmt: skip
            else:
                self.paths = outputs.register(
                    self._store, self.drv_path, self.drv, self._request, self._scratch, places, self._folder, self._user,
                    self._options.secret_keys, self.repairs,
                )  # fmt: skip
            is_failed = False
            on_made()
            self._run_hook()
        finally:
            self._clean(keeps=is_failed and self._options.keep_failed)

    def _run_hook(self) -> None:
        """Runs the `post-build-hook`, if there is one; it may ask where the outputs are."""
        if self._options.post_build_hook:
            if self._options.knows_realisations or has_unknown_outputs(self.drv):
                outputs.record(self._store, self.drv, self.paths, self._options.secret_keys)
            run_hook(self.drv_path, self.paths.values(), self._options)

    def _show_difference(self, old: str, new: str) -> None:
        """Runs the `diff-hook` for an output, *old*, and a different result of its build, *new*."""
        words = [self._options.diff_hook, old, new, self.drv_path, self._build_folder]
        run_diff_hook(words, self._user, self._options.on_fault)

    def abandon(self, *, keeps: bool = False) -> None:
        """Kills the builder, if it runs, and cleans up.  An incomplete last line of its log is not shown.  *keeps*: the builder's folder stays."""
        if self._running is not None:
            self._running.end()
            self._running = None
        if self._log is not None:
            self._log.close(shows_rest=False)
        self._clean(keeps=keeps)

    def _failure(self, status: int) -> BuildFailure:
        assert self._log is not None
        self._log.close()
        shows = self._options.shows_log_tail
        tail = list(self._log.tail) if shows else []
        return builder_failed(self.drv_path, self.drv, status, tail, may_pass_later=sees_world(self.drv), log_command=self._options.log_command)

    def _clean(self, *, keeps: bool = False) -> None:
        """Removes everything of the build except its outputs and, if *keeps*, the builder's folder."""
        try:
            self._remove_folders(keeps=keeps)
        finally:
            if self._user_lock >= 0:
                os.close(self._user_lock)
                self._user_lock = -1
            self._unlock()

    def _remove_folders(self, *, keeps: bool) -> None:
        if self._activity and self._options.on_event is not None:
            self._event("", False, action="stop")
        self._activity = 0
        if keeps and self._build_folder:
            self._options.on_message(f"note: keeping build directory \"{self._build_folder}\"", False)
        elif self._build_folder:
            remove(self._build_folder)
        self._build_folder = ""
        if self._sandbox is None:
            for name, path in self._scratch.items():
                # An output that was built at another path has been copied from there.
                if path != self.drv.outputs[name].path:
                    remove(self._store.real_path(path))
        if self._folder:
            remove(self._folder)
            self._folder = ""

def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)
