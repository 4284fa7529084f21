"""Where a repository refers to places outside itself: by links in its own folder, and by files that name other folders.

In: a repository of this machine, and a folder that it must not leave.  Out: nothing, or ForbiddenAccess.  libgit2, git and hg follow all of them,
so a repository that we may read could otherwise show the objects of one that we may not read.
"""

from __future__ import annotations

import os

from snowsnake.fetch.errors import ForbiddenAccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_LINKS = 40
_OWN_FOLDERS = (".git", ".hg")
# The keys are (folder, file).  The values say how each line that names a folder starts, and where a relative name starts: in the file's folder, or its parent.
_NAMING = {
    ("", ".git"): (b"gitdir:", "."),
    ("", "commondir"): (b"", "."),
    ("info", "alternates"): (b"", ".."),
    (".hg", "sharedpath"): (b"", "."),
}


def own_places(real: str) -> list[str]:
    """The folders in which a repository has its history, or files that name them; the repository itself if it has no working tree."""
    return [place for place in (os.path.join(real, name) for name in _OWN_FOLDERS) if os.path.lexists(place)] or [real]


def check_links(real: str, folder: str) -> None:
    """Raises ForbiddenAccess if something in the repository at *real* leads out of *folder*; neither path has a link in it."""
    waiting = own_places(real)
    seen = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        for step, target in _leads(place):
            found = real_below(target, folder, follows_last=True) if target.startswith(folder + "/") else None
            if found is None:
                raise ForbiddenAccess(f"access to '{real}' is forbidden in restricted mode: '{step}' leads out of '{folder}'")
            waiting.append(found)


def _leads(place: str) -> Iterator[tuple[str, str]]:
    """(link or file, where it leads) for everything at or below a place that leads elsewhere."""
    if not os.path.isdir(place):
        yield from _named(place)
        return
    folders = [place]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path, os.path.join(os.path.dirname(entry.path), os.readlink(entry.path))
                elif entry.is_dir():
                    folders.append(entry.path)
                else:
                    yield from _named(entry.path)


def _named(file: str) -> Iterator[tuple[str, str]]:
    folder, name = os.path.split(file)
    rule = _NAMING.get((os.path.basename(folder), name)) or _NAMING.get(("", name))
    if rule is None or not os.path.isfile(file):
        return
    start, base = rule
    with open(file, "rb") as lines:
        for line in lines.read().splitlines():
            text = line.removeprefix(start).strip()
            if text and line.startswith(start) and not text.startswith(b"#"):
                yield file, os.path.join(folder, base, os.fsdecode(text.strip(b'"')))


def real_below(place: str, folder: str, *, follows_last: bool) -> str | None:
    """The real path of *place*, whose text begins with *folder*; None if a link leads out of the folder.  Nothing outside is looked at."""
    root = os.path.realpath(folder)
    at = root
    todo = [name for name in place[len(folder) :].split("/")[::-1] if name not in ("", ".")]
    links = 0
    while todo:
        name = todo.pop()
        if name == "..":
            at = os.path.dirname(at)
        else:
            step = os.path.join(at, name)
            target = _target(step) if todo or follows_last else None
            if target is None:
                at = step
            else:
                links += 1
                if links > _MOST_LINKS:
                    return None
                todo += [part for part in target.split("/")[::-1] if part not in ("", ".")]
                if target.startswith("/"):
                    at, todo = _rejoined(root, todo)
        if at != root and not at.startswith(root.rstrip("/") + "/"):
            return None
    return at


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _rejoined(root: str, todo: list[str]) -> tuple[str, list[str]]:
    """Where the walk along an absolute target continues, and the remaining names: at *root* if the target begins with it, otherwise outside."""
    parts = [part for part in root.split("/") if part]
    if todo[::-1][: len(parts)] == parts:
        return root, todo[: len(todo) - len(parts)]
    return "/" if root != "/" else root, todo
