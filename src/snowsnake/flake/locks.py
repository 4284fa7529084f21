"""Locks a flake: computes its lock file, compares it with the existing one, and writes it if that is allowed.

In: a reference, options, a `FlakeWorld`.  Out: a `LockedFlake`.
"""

import os

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.fetcher import local_repository
from snowsnake.flake.world import FlakeWorld
from snowsnake.lock.flakes import Flake, LockedFlake
from snowsnake.lock.lock_file import LockFile, difference
from snowsnake.lock.locking import LockOptions, compute_lock_file
from snowsnake.lock.references import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def lock_flake(
    world: FlakeWorld, reference: Reference, options: LockOptions, flake: Flake | None = None, apply_config: "Callable[[dict[str, Any]], None] | None" = None
) -> LockedFlake:
    """Finds a flake and locks it; raises EvaluationError if that is not possible.

    `flake`: the flake, if it was found already.  `apply_config` is called with the settings that the flake asks for.
    """
    flake = flake or world.flake(reference, options.top_registries)
    if apply_config is not None:
        apply_config(flake.declaration.config)
    try:
        return _lock(world, reference, options, flake)
    except EvaluationError as error:
        error.trace.insert(0, Frame("text", f"while updating the lock file of flake '{flake.locked}'", None))
        raise


def _lock(world: FlakeWorld, reference: Reference, options: LockOptions, flake: Flake) -> LockedFlake:
    old = _old_lock_file(world, options, flake)
    new, places = compute_lock_file(flake, old, options, world)
    if new == old and not options.output_path:
        return LockedFlake(flake, new, places)
    changes = difference(old, new)
    if not options.may_write:
        world.warn(f"not writing modified lock file of flake '{reference}':\n{changes.rstrip()}")
        flake.is_changed = True
        return LockedFlake(flake, new, places)
    folder = _writable_folder(reference)
    if folder is None and not options.output_path:
        raise FlakeError(
            "access", f"cannot write modified lock file of flake '{reference}' (use '--no-write-lock-file' to ignore)"
        )
    unlocked = world.unlocked_input(new)
    if unlocked is not None:
        if options.fails_on_unlocked:
            raise FlakeError(
                "access",
                f"Not writing lock file of flake '{reference}' because it has an unlocked input ('{unlocked}'). "
                "Use '--allow-dirty-locks' to allow this anyway.",
            )
        if world.settings["warn-dirty"]:
            world.warn(f"not writing lock file of flake '{reference}' because it has an unlocked input ('{unlocked}')")
        return LockedFlake(flake, new, places)
    if not options.may_update:
        raise FlakeError(
            "access", f"flake '{reference}' requires lock file changes but they're not allowed due to '--no-update-lock-file'"
        )
    if options.output_path:
        if options.commits:
            raise FlakeError("value", "'--commit-lock-file' and '--output-lock-file' are incompatible")
        _write(options.output_path, new)
    else:
        assert folder is not None
        read = world.fetcher.working_trees.get(folder)
        if read is not None and read.is_dirty:
            # The tree keeps this digest, so that `metadata` shows that of the tree as it was read.
            read.digest_of_changes(folder)
        _put(world, reference, options, new, changes, folder)
    # As in C++ Nix, the tree of the returned flake does not have the written file; a later look-up of the flake finds it.
    world.forget()
    return LockedFlake(flake, new, places)


def _writable_folder(reference: Reference) -> str | None:
    """The folder in which a flake's own files can be written: that of the flake, or the working tree of a repository on this machine; None if there is none."""
    if reference.input.type != "git":
        return reference.input.source_path
    folder = local_repository(reference.input)
    return folder if folder is not None and os.path.exists(os.path.join(folder, ".git")) else None


def _old_lock_file(world: FlakeWorld, options: LockOptions, flake: Flake) -> LockFile:
    """The lock file whose entries may be kept: the flake's own, or another one (`--reference-lock-file`)."""
    if not options.reference_path:
        return world.lock_file(flake)
    if not world.settings["allow-dirty"]:
        raise FlakeError(
            "access", "reference lock file was provided, but the `allow-dirty` setting is set to false"
        )
    path = os.path.abspath(options.reference_path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return LockFile()
    except OSError as error:
        raise FlakeError("file", f'opening file "{path}": {error.strerror}') from None
    return world.parse_lock_file(data, path)


def _write(path: str, lock_file: LockFile) -> None:
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(lock_file.to_text() + "\n")
    except OSError as error:
        raise FlakeError("file", f'opening file "{path}": {error.strerror}') from None


def _put(
    world: FlakeWorld, reference: Reference, options: LockOptions, lock_file: LockFile, changes: str, folder: str
) -> None:
    """Writes `flake.lock` into the flake's own tree; in a repository of Git or Mercurial it adds the file, and commits it if requested."""
    inner = os.path.join(reference.folder, "flake.lock")
    path = os.path.join(folder, inner)
    is_there = os.path.lexists(path)
    shown = changes.rstrip()
    if not is_there:
        world.warn(f'creating lock file "{path}": \n{shown}')
    else:
        world.warn(f'updating lock file "{path}"' + (f":\n{shown}" if shown else ""))
    _write(path, lock_file)
    if reference.input.type == "hg":
        hg = ["hg", "--cwd", folder]
        _run([*hg, "add", "--", inner])
        if options.commits:
            _run([*hg, "commit", "--logfile", "-", "--", inner], _commit_message(world, inner, is_there, changes))
        return
    if reference.input.type != "git":
        if options.commits:
            world.warn(f"the lock file of '{reference}' is not committed: it is in no Git repository")
        return
    import subprocess

    git = ["git", "-C", folder]
    if subprocess.run([*git, "check-ignore", "--quiet", "--", inner], check=False, stdin=subprocess.DEVNULL).returncode == 0:
        return
    _run([*git, "add", "--intent-to-add", "--", inner])
    if options.commits:
        _run([*git, "commit", "--quiet", "-F", "-", "--", inner], _commit_message(world, inner, is_there, changes))


def _commit_message(world: FlakeWorld, inner: str, is_there: bool, changes: str) -> str:
    summary = world.settings["commit-lock-file-summary"] or f"{inner}: {'Update' if is_there else 'Add'}"
    return f"{summary}\n\nFlake lock file updates:\n\n{changes}"


def _run(words: list[str], text: str = "") -> None:
    """Runs a program, which writes its own messages on standard error; raises FlakeError if it fails."""
    import subprocess

    plain = {**os.environ, "HGPLAIN": ""}
    try:
        done = subprocess.run(words, check=False, input=text.encode("utf-8", "surrogateescape"), stdout=subprocess.DEVNULL, env=plain)
    except OSError as error:
        raise FlakeError("file", f"executing '{words[0]}': {error.strerror}") from None
    if done.returncode:
        raise FlakeError("file", f'program "{words[0]}" failed with exit code {done.returncode}')
