"""Which places of a trace are a library's: in a folder of the search path, a path of the store, or another source tree than the user's.

In: the frames of an error, the file that evaluation started from, the folders of the search path.  Out: `Frame.library` is set.
"""

import os

from snowsnake.diagnostics.error import Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A source tree has these at its root.
_ROOT_MARKS = (".git", "flake.nix")


def mark_libraries(
    frames: list[Frame], start: str | None, folders: list[str], store: str, exists: "Callable[[str], bool]" = os.path.exists
) -> None:
    """`start`: the user's file, or None for an expression, which belongs to the working directory.  `exists`: whether a file is there."""
    libraries = _Libraries(os.path.dirname(start) if start is not None else _working_directory(), folders, store, exists)
    for frame in frames:
        if frame.position is not None:
            frame.library = libraries.of(frame.position.file)


def _working_directory() -> str:
    """Nothing if somebody removed it: an error must be reported all the same."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _real_folder(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except OSError:
        # It was a symbolic link a moment ago.
        return folder


class _Libraries:
    def __init__(self, home: str, folders: list[str], store: str, exists: "Callable[[str], bool]") -> None:
        self._home, self._exists = home, exists
        around = {root for folder in folders for root in (folder, _real_folder(folder))}
        self._roots = {root for root in around if root != "/" and not _is_below(home, root)}
        self._store = store
        self._known: dict[str, str] = {}
        self._trees: dict[str, str] = {"/": ""}

    def of(self, file: str) -> str:
        """The library's root; nothing if the place is the user's own."""
        if not file.startswith("/"):
            return ""
        folder = os.path.dirname(file)
        if folder not in self._known:
            root = self._root(file)
            self._known[folder] = "" if root == "/" or _is_below(self._home, root) else root
        return self._known[folder]

    def _root(self, file: str) -> str:
        """The outermost folder of the search path around a file, its store path, or the root of its source tree; otherwise `/`."""
        if _is_below(file, self._store):
            return "/".join(file.split("/")[: self._store.count("/") + 2])
        root = min((root for root in self._roots if _is_below(file, root)), key=len, default="")
        return root or self._tree(os.path.dirname(file)) or "/"

    def _tree(self, folder: str) -> str:
        """The root of the source tree that a folder is in; frames of one trace are in few trees, but in many folders."""
        waiting = []
        while folder not in self._trees:
            waiting.append(folder)
            if any(self._exists(os.path.join(folder, mark)) for mark in _ROOT_MARKS):
                self._trees[folder] = folder
            else:
                folder = os.path.dirname(folder)
        for inner in waiting:
            self._trees[inner] = self._trees[folder]
        return self._trees[folder]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
