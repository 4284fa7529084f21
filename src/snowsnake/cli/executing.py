"""Replaces this process with a program of a store, for `nix run`, `nix shell` and similar commands.

In: a store, a program, its words, an environment.  Out: `execute` does not return.  If the objects of a store are not where their paths say,
the program runs in a mount namespace of its own, in which they are there.
"""

import os
import signal
import sys

from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from snowsnake.cli.nix.command_line import Call
    from snowsnake.store.interface import Store


def changed_environment(call: "Call") -> dict[str, str]:
    """The environment of this process as `--ignore-env`, `--keep-env-var`, `--set-env-var` and `--unset-env-var` change it."""
    from snowsnake.cli.options import UsageError

    given = call.given
    kept, unset = set(given.texts("keep_env_var")), set(given.texts("unset_env_var"))
    is_ignored = given.flag("ignore_environment")
    if is_ignored and unset:
        raise UsageError("--unset-env-var does not make sense with --ignore-env")
    if kept and not is_ignored:
        raise UsageError("--keep-env-var does not make sense without --ignore-env")
    found = {name: value for name, value in os.environ.items() if not is_ignored or name in kept}
    found.update(given.texts("set_env_var"))
    return {name: value for name, value in found.items() if name not in unset}


def check_environment_option(call: "Call", key: str, values: list[str]) -> None:
    """Raises a UsageError if one of these options contradicts those before it."""
    from snowsnake.cli.options import UsageError

    given = call.given
    is_set = any(name == values[0] for name, _ in given.texts("set_env_var"))
    if key == "unset_env_var" and is_set:
        raise UsageError(f"Cannot unset environment variable '{values[0]}' that is set with '--set-env-var'")
    if key == "set_env_var" and values[0] in given.texts("unset_env_var"):
        raise UsageError(f"Cannot set environment variable '{values[0]}' that is unset with '--unset-env-var'")
    if key == "set_env_var" and is_set:
        raise UsageError(f"Duplicate definition of environment variable '{values[0]}' with '--set-env-var' is ambiguous")


def execute(store: "Store", program: str, words: list[str], environment: "Mapping[str, str]", *, looks_up: bool, name: str = "") -> "NoReturn":
    """Becomes *program*, with *words* after its name.  *looks_up*: it is looked for on the PATH.  *name*: the name by which it is called."""
    from snowsnake.cli.output import finish_evaluations

    place = objects_place(store)
    finish_evaluations()
    # Python ignores these signals, and the program would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if place != store.store_dir:
        _enter_and_execute(store.store_dir, place, program, words, environment)
    _become(program, words, environment, looks_up=looks_up, name=name)


def objects_place(store: "Store") -> str:
    """The folder with a store's objects; ValueError if it has none on this machine."""
    from snowsnake.store.daemon.store import DaemonStore
    from snowsnake.store.local import LocalStore
    from snowsnake.store.ssh.remote import RemoteStore

    if isinstance(store, LocalStore):
        return store.objects
    if isinstance(store, DaemonStore) and not isinstance(store, RemoteStore):
        return store.objects
    raise ValueError(f"store '{store.url}' is not a local store so it does not support command execution")


def _become(program: str, words: list[str], environment: "Mapping[str, str]", *, looks_up: bool, name: str = "") -> "NoReturn":
    try:
        if looks_up:
            os.execvpe(program, [name or program, *words], environment)
        os.execve(program, [name or program, *words], environment)
    except OSError as error:
        raise EvaluationError("file", f"unable to execute '{program}': {error.strerror}") from None


def _enter_and_execute(store_dir: str, place: str, program: str, words: list[str], environment: "Mapping[str, str]") -> "NoReturn":
    """Becomes the program in a namespace, which our small program makes: only a process with one thread can make a user namespace."""
    from snowsnake.build import entering

    packages = os.path.abspath(f"{os.path.dirname(entering.__file__)}/../..")
    start = f"import sys; sys.path.insert(0, {packages!r}); from snowsnake.build.entering import main; main(sys.argv[1:])"
    _become(sys.executable, ["-I", "-c", start, store_dir, place, program, *words], environment, looks_up=False)
