"""Failures of builds, in 2.34.8's words."""

from __future__ import annotations

# Commands that build nothing import this module, too; the imports below, which only type checkers need, would slow them down.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snowsnake.store.derivation import Derivation

# This is the exit code if no builder failed, but an output or a request was refused.
REJECTED = 1
# These are the bits of the exit code of Nix's old commands.
_FAILED, _TIMED_OUT, _WRONG_HASH, _DIFFERS = 0x64, 0x01, 0x02, 0x68


class BuildFailure(ValueError):
    """One or several derivations could not be built.  *drv_path*: the derivation; "" if it is not one.  *exit_code*: that of nix-build and nix-store."""

    def __init__(self, message: str, drv_path: str = "", exit_code: int = _FAILED) -> None:
        super().__init__(message)
        self.drv_path = drv_path
        self.exit_code = exit_code


class Refused(BuildFailure):
    """A request cannot be carried out at all: this ends all builds, even with `--keep-going`.

    *trace*: what we were doing, outermost first.  *is_plain*: callers must not add to the trace.
    """

    ends_all = True

    def __init__(self, message: str, drv_path: str = "", trace: Sequence[str] = (), *, is_plain: bool = False) -> None:
        super().__init__(message, drv_path, REJECTED)
        self.trace = tuple(trace)
        self.is_plain = is_plain


class DependenciesFailed(BuildFailure):
    """A derivation was not built because derivations that it needs failed."""


class Stopped(Exception):
    """The user, or a client, has requested the end of the builds; none of them has failed."""


def cannot_build(drv_path: str, drv: Derivation, reason: str, details: str = "") -> BuildFailure:
    """The usual form of a failure: the derivation, the reason, the outputs that it would have had, then *details*."""
    message = f"Cannot build '{drv_path}'.\nReason: {reason}"
    paths = sorted(output.path for output in drv.outputs.values() if output.path)
    if paths:
        message += "\nOutput paths:" + "".join(f"\n  {path}" for path in paths)
    return BuildFailure(message + details, drv_path)


def builder_failed(drv_path: str, drv: Derivation, status: int, tail: Sequence[str], *, may_pass_later: bool = False, log_command: str = "nix log") -> BuildFailure:
    """A builder failed with *status*, as `os.waitstatus_to_exitcode` returns it; *tail*: the last lines of the log, if they were not shown.

    *log_command* shows the whole log.  *may_pass_later*: the builder sees more than its inputs (the network), so that its failure says nothing
    about the derivation.
    """
    if status >= 0:
        reason = f"builder failed with exit code {status}."
    else:
        import signal

        reason = f"builder failed due to signal {-status} ({signal.strsignal(-status)})."
    details = ""
    if tail:
        details = f"\nLast {len(tail)} log lines:" + "".join(f"\n> {line}" for line in tail)
        details += f"\nFor full logs, run:\n  {log_command} {drv_path}"
    failure = cannot_build(drv_path, drv, reason, details)
    if may_pass_later:
        failure.exit_code = REJECTED
    return failure


def dependencies_failed(drv_path: str, drv: Derivation, count: int) -> DependenciesFailed:
    """*count* of the derivations that this one needs have failed."""
    failure = cannot_build(drv_path, drv, f"{count} {'dependency' if count == 1 else 'dependencies'} failed.")
    # The builders that failed determine the bits of the exit code; this failure adds none.
    return DependenciesFailed(str(failure), drv_path, REJECTED)


def cannot_start(drv_path: str, *, has_jobs: bool, system: tuple[str, str] | None = None, features: tuple[Iterable[str], Iterable[str]] | None = None) -> BuildFailure:
    """This machine builds nothing (*has_jobs* is false), or not this derivation.

    *system*, *features*: (what the derivation needs, what the machine has) if that is the reason; None otherwise.
    """
    message = f"Cannot build '{drv_path}'."
    if not has_jobs:
        message += "\nReason: local builds are disabled (max-jobs = 0)\nHint: set 'max-jobs' to a non-zero value to enable local builds, "
        message += "or configure remote builders via 'builders'"
    if system is not None:
        message += f"\nReason: platform mismatch\nRequired system: '{system[0]}'\nCurrent system: '{system[1]}'"
    if features is not None:
        needed, available = (", ".join(sorted(names)) for names in features)
        message += f"\nReason: missing system features\nRequired features: {{{needed}}}\nAvailable features: {{{available}}}"
    return BuildFailure(message, drv_path)


def substitutes_failed(drv_path: str) -> BuildFailure:
    """Substituters offered the outputs, but could not deliver them, or sent something wrong."""
    return BuildFailure(
        f"some substitutes for the outputs of derivation '{drv_path}' failed (usually happens due to networking issues);"
        " try '--fallback' to build derivation from source",
        drv_path, REJECTED,
    )  # fmt: skip


def hash_mismatch(drv_path: str, specified: str, got: str) -> BuildFailure:
    """A fixed output has another hash than the *specified* one.  Programs that update hashes read these lines."""
    return BuildFailure(f"hash mismatch in fixed-output derivation '{drv_path}':\n  specified: {specified}\n     got:    {got}", drv_path, _FAILED | _WRONG_HASH)


def has_references(drv_path: str, references: Sequence[str]) -> BuildFailure:
    """A fixed output has the right contents, but may not refer to anything."""
    return BuildFailure(
        f"fixed-output derivations must not reference store paths: '{drv_path}' references {len(references)} distinct paths, e.g. '{references[0]}'",
        drv_path, _FAILED | _WRONG_HASH,
    )  # fmt: skip


def not_deterministic(drv_path: str, place: str, kept: str) -> BuildFailure:
    """A second build had a different result; *kept*: where that is, if it was kept."""
    rest = f' from "{kept}"' if kept else ""
    return BuildFailure(f"derivation '{drv_path}' may not be deterministic: output \"{place}\" differs{rest}", drv_path, _DIFFERS)


def timed_out(drv_path: str, limit_s: int) -> BuildFailure:
    return BuildFailure(f"timed out after {limit_s} seconds", drv_path, _FAILED | _TIMED_OUT)


def log_too_long(drv_path: str, limit_bytes: int) -> BuildFailure:
    return BuildFailure(f"building derivation '{drv_path}' killed after writing more than {limit_bytes} bytes of log output", drv_path, 1)


def several_failed(failures: Sequence[BuildFailure], shown: Iterable[str]) -> BuildFailure:
    """The failure after several failures, each of which was reported; *shown*: the names of the requested derivations."""
    quoted = ", ".join(f"'{name}'" for name in sorted(shown))
    return BuildFailure(f"build of {quoted} failed", exit_code=exit_code_of(failures))


def exit_code_of(failures: Iterable[BuildFailure]) -> int:
    """The exit code after some failures: the bits of all builders' failures; 1 if no builder failed."""
    code = 0
    for failure in failures:
        if failure.exit_code != REJECTED:
            code |= failure.exit_code
    return code or REJECTED
