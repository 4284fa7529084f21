"""Flakes: finding, reading without evaluation, locking, and evaluating them.

    face             for Python: metadata, lock, update, outputs
    declaration      reading a flake.nix without evaluating it
    world            flakes that are fetched and read
    locks            lock files computed and written
    calling          a locked flake's value; `builtins.getFlake`
    session          references of a command line, outputs by name
    answers          answers of earlier evaluations, kept on disk
    facts output_tree checking copying trust    the work of the commands

>>> import os, tempfile
>>> from snowsnake import flake
>>> with tempfile.TemporaryDirectory() as folder:
...     with open(os.path.join(folder, "flake.nix"), "w") as file:
...         _ = file.write('{ description = "an example"; outputs = { self }: { lib.answer = 42; bad = throw "no"; }; }')
...     found = flake.Flakes(settings={"flake-registry": ""}, cache_folder=os.path.join(folder, ".cache"))
...     found.metadata(f"path:{folder}").description, [output.name for output in found.show(f"path:{folder}").children()]
('an example', ['bad', 'lib'])
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.flake.face import Flakes, lock, metadata, read_lock, show, update
    from snowsnake.flake.facts import Metadata
    from snowsnake.flake.output_tree import Output
    from snowsnake.lock.flakes import LockedFlake
    from snowsnake.lock.lock_file import LockFile
    from snowsnake.lock.references import Reference

_HOME = {
    "Flakes": "snowsnake.flake.face",
    "LockFile": "snowsnake.lock.lock_file",
    "LockedFlake": "snowsnake.lock.flakes",
    "Metadata": "snowsnake.flake.facts",
    "Output": "snowsnake.flake.output_tree",
    "Reference": "snowsnake.lock.references",
    "lock": "snowsnake.flake.face",
    "metadata": "snowsnake.flake.face",
    "read_lock": "snowsnake.flake.face",
    "show": "snowsnake.flake.face",
    "update": "snowsnake.flake.face",
}

__all__ = ["Flakes", "LockFile", "LockedFlake", "Metadata", "Output", "Reference", "lock", "metadata", "read_lock", "show", "update"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(__import__(_HOME[name], fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
