"""Flake references that are paths on this machine: `.`, `./x?dir=y`, `/src/x#attr`.

In: a path and its base.  Out: the reference that it means: the Git repository around it, or the folder.  The flake is searched from the path
upwards.
"""

import os
import stat

from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.addresses import Address, Authority
from snowsnake.lock.references import Reference, of_address, of_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container


def parse_path(
    text: str,
    path: str,
    query: dict[str, str],
    base: str,
    is_flake: bool,
    may_be_missing: bool,
    say: "Callable[[str, str], None] | None",
    features: "Container[str]",
) -> Reference:
    """The reference of a path; `text` is its name in messages; the other arguments are those of `parse_reference`."""
    say = say or _nothing
    folder = os.path.realpath(os.path.join(base, path))
    if not is_flake:
        return of_path(folder, query, False, features)
    folder = _flake_folder(folder, may_be_missing, say)
    repository, inner = _repository(folder)
    if repository is None:
        return of_path(folder, query, features=features)
    if inner:
        if "dir" in query:
            raise FlakeError("value", f"flake URL '{text}' has an inconsistent 'dir' parameter")
        query = {**query, "dir": inner}
    if os.path.exists(os.path.join(repository, ".git", "shallow")):
        query = {**query, "shallow": "1"}
    return _of_repository(repository, query, features)


def _nothing(_level: str, _text: str) -> None:
    """Drops a remark."""


def _of_repository(folder: str, query: dict[str, str], features: "Container[str]") -> Reference:
    return of_address(Address("git+file", Authority(None, None, "", None), folder.split("/"), query), features=features)


def _status(path: str) -> os.stat_result:
    try:
        return os.lstat(path)
    except OSError as error:
        raise FlakeError("file", f'getting status of "{path}": {error.strerror}') from None


def _flake_folder(path: str, may_be_missing: bool, say: "Callable[[str, str], None]") -> str:
    """The folder of the flake that a path means."""
    if not stat.S_ISDIR(_status(path).st_mode):
        if os.path.basename(path) != "flake.nix":
            raise FlakeError("value", f'path "{path}" is not a flake (because it\'s not a directory)')
        parent = os.path.dirname(path)
        say(
            "warning",
            f"Path \"{path}\" should point at the directory containing the 'flake.nix' file, not the file itself. "
            f'Pretending that you meant "{parent}"',
        )
        path = parent
    if may_be_missing or os.path.exists(os.path.join(path, "flake.nix")):
        return path
    say("note", f"path \"{path}\" does not contain a 'flake.nix', searching up")
    device = _status(path).st_dev
    while os.path.dirname(path) != path:
        if os.path.exists(os.path.join(path, "flake.nix")):
            return path
        if os.path.exists(os.path.join(path, ".git")):
            raise FlakeError(
                "value",
                f"path \"{path}\" is not part of a flake (neither it nor its parent directories contain a 'flake.nix' file)",
            )
        if _status(path).st_dev != device:
            raise FlakeError("value", f'unable to find a flake before encountering filesystem boundary at "{path}"')
        path = os.path.dirname(path)
    raise FlakeError("value", "could not find a flake.nix file")


def _repository(folder: str) -> tuple[str | None, str]:
    """The Git repository that a folder is in, or None, and the path of the folder in it."""
    root, inner = folder, ""
    while os.path.dirname(root) != root:
        if os.path.exists(os.path.join(root, ".git")):
            return root, inner
        inner = os.path.basename(root) + ("/" + inner if inner else "")
        root = os.path.dirname(root)
    return None, ""
