"""An incremental run never takes a change for none: every kind of reader beside every kind of change at the path that it reads.

A path is, in turn, absent, a file, a folder, a link of some kind, a pipe …; the folder above it changes in the same way.  Each attribute reads it in another way, and
after each change an incremental run must print what a full run prints.
"""

import os
import random
import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from snowsnake.interpreter import Interpreter
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.memory import JobMemory
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.run import Run

STEPS = int(os.environ.get("SNOWSNAKE_WORLD_STEPS", "20"))
# A message that shows a value has «thunk» for each part that nobody has evaluated yet, as in C++ Nix.
SHOWN = re.compile(r"(: )[\[{] .*")
# The hash of a file with the contents "1".
ONE = "sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="
# Expressions that read the path: X is the path, P the folder above it, N its name.
READERS = {
    "contents": "builtins.readFile X",
    "imported": "import X",
    "imported as text": "import (toString X)",
    "imported from above": "import (P + \"/./N/../N\")",
    "imported in a scope": "builtins.scopedImport { there = 1; } X",
    "exists": "builtins.pathExists X",
    "exists, a folder": "builtins.pathExists (toString X + \"/\")",
    "exists, through a dot": "builtins.pathExists (toString X + \"/.\")",
    "exists, below": "builtins.pathExists (X + \"/default.nix\")",
    "type": "builtins.readFileType X",
    "type below": "builtins.readFileType (X + \"/default.nix\")",
    "names": "builtins.readDir X",
    "names above": "builtins.readDir P",
    "names of names": "builtins.mapAttrs (n: t: if t == \"directory\" then builtins.readDir (P + \"/${n}\") else t) (builtins.readDir P)",
    "copied": "\"${X}\"",
    "copied as a source": "builtins.path { path = X; name = \"s\"; }",
    "copied flat": "builtins.path { path = X; name = \"s\"; recursive = false; }",
    "copied, known": f"builtins.path {{ path = X; name = \"s\"; recursive = false; sha256 = \"{ONE}\"; }}",
    "filtered": "builtins.filterSource (p: t: t != \"symlink\" && baseNameOf p != \"a\") X",
    "filtered above": "builtins.path { path = P; name = \"p\"; filter = p: t: baseNameOf p == \"N\" || t == \"regular\"; }",
    "filtered by contents": "builtins.path { path = P; name = \"p\"; filter = p: t: t != \"regular\" || builtins.readFile p != \"1\"; }",
    "hashed": "builtins.hashFile \"sha256\" X",
    "parsed": "builtins.fromJSON (builtins.readFile X)",
    "searched": "toString <s/N>",
    "searched and imported": "import <s/N>",
    "searched in a list": "toString (builtins.findFile [ { prefix = \"\"; path = toString (P + \"/../other\"); } { prefix = \"\"; path = toString P; } ] \"N\")",
    "at home": "builtins.pathExists (~/. + \"/N\")",
    "position": "(builtins.unsafeGetAttrPos \"a\" (import X)).file or null",
    "folder of the import": "(import X).here or null",
    "variable": "builtins.getEnv \"WORLD_V\"",
    "two answers": "if builtins.pathExists X then builtins.readFileType X else \"none\"",
    "through its link": "toString (import (X + \"/../N\"))",
}
ROOT = "let show = v: derivation {{ name = \"n\"; system = \"s\"; builder = \"b\"; v = builtins.toJSON v; }}; in {{\n{rows}\n}}\n"


def nothing(place: Path) -> None:
    """Leaves the path absent."""


def text(data: str, mode: int = 0o644) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.write_text(data)
        place.chmod(mode)

    return make


def data(contents: bytes) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.write_bytes(contents)

    return make


def folder(**files: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.mkdir()
        for name, contents in files.items():
            (place / name.replace("_", ".")).write_text(contents)

    return make


def link(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def again(contents: str) -> Callable[[Path], None]:
    """Other contents of the same size, with the same time of change of the contents."""

    def make(place: Path) -> None:
        place.write_text(contents)
        os.utime(place, ns=(10**18, 10**18))

    return make


def unix_socket(place: Path) -> None:
    at = os.open(place.parent, os.O_PATH)
    try:
        socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{at}/{place.name}")
    finally:
        os.close(at)


def below_two(place: Path) -> None:
    (place / "in").mkdir(parents=True)
    (place / "in/a").write_text("1")
    (place / "b").symlink_to("in/a")


def with_pipe(name: str) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.mkdir()
        os.mkfifo(place / name)

    return make


STATES: dict[str, Callable[[Path], None]] = {
    "nothing": nothing,
    "a file": text("1"),
    "another file": text("2"),
    "an executable file": text("1", 0o755),
    "a file that nobody may read": text("1", 0),
    "an empty file": text(""),
    "a file of a set": text("{ a = 1; here = toString ./.; }"),
    "a file of an old date": again("3"),
    "a file of the same date and size": again("4"),
    "a file that is no program": text("{ a = ; }"),
    "a file with a NUL": data(b"1\0"),
    "a file that is not UTF-8": data(b"\"\xff\""),
    "an empty folder": folder(),
    "a folder": folder(default_nix="1", a="x"),
    "a folder with others": folder(default_nix="2", a="x", b="y"),
    "a folder without": folder(a="x"),
    "a deep folder": below_two,
    "a folder with a pipe": with_pipe("p"),
    "a folder with another pipe": with_pipe("q"),
    "a link to a file": link("../other/file"),
    "a link to another file": link("../other/file2"),
    "a link to a link to the file": link("../other/link"),
    "a link to the file by another name": link("../other/hard"),
    "an absolute link": link("/dev/null"),
    "a link to a folder": link("../other"),
    "a link to a folder below": link("../other/deep"),
    "a link to nothing": link("nowhere"),
    "a link to itself": link("x"),
    "a link to above": link(".."),
    "a pipe": lambda place: os.mkfifo(place),
    "a socket": unix_socket,
}
PARENTS = ("a folder", "a link to a folder", "a link to another folder", "nothing", "a file", "a link to itself")


class World:
    """A folder in which one path changes: `w/p/x`.  `w/real1` and `w/real2` are what `w/p` may lead to."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.state, self.parent = "nothing", "a folder"
        (place / "other/deep").mkdir(parents=True)
        (place / "other/file").write_text("{ a = 1; here = toString ./.; }")
        (place / "other/file2").write_text("{ a = 1; here = toString ./.; }")
        (place / "other/default.nix").write_text("\"other\"")
        (place / "other/deep/default.nix").write_text("\"deep\"")
        (place / "other/link").symlink_to("file")
        os.link(place / "other/file", place / "other/hard")
        self.set("nothing", "a folder")

    def set(self, state: str, parent: str) -> None:
        for name in ("p", "real1", "real2"):
            self._remove(self.place / name)
        for name in ("real1", "real2") if parent.startswith("a link to a") else ("p",) if parent == "a folder" else ():
            (self.place / name).mkdir()
            STATES[state](self.place / name / "x")
        if parent == "a file":
            (self.place / "p").write_text("1")
        elif parent.startswith("a link"):
            (self.place / "p").symlink_to({"a link to a folder": "real1", "a link to another folder": "real2"}.get(parent, "p"))
        self.state, self.parent = state, parent

    @staticmethod
    def _remove(place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif os.path.lexists(place):
            place.unlink()


def write_root(place: Path) -> Path:
    rows = []
    for name, reader in READERS.items():
        value = re.sub(r"\b[XPN]\b", lambda found: {"X": "./w/p/x", "P": "./w/p", "N": "x"}[found[0]], reader)
        rows.append(f'"{name}" = show ({value});')
    root = place / "default.nix"
    root.write_text(ROOT.format(rows="\n".join(rows)))
    return root


def lines(root: Path, memory: JobMemory | None, **options: object) -> tuple[list[dict], int]:
    """The jobs, and how many of them were not evaluated."""
    evaluator = Interpreter(hides_time=True, search_path=[("s", str(root.parent / "w/p")), ("", str(root.parent / "w/other"))], **options)
    run = Run(JobRoot(evaluator, evaluator.evaluate_file(str(root)), JobOptions(is_instantiating=False)), RunOptions(workers=1), memory)
    found = [{**reply.fields, "error": SHOWN.sub(r"\1…", reply.error)} if reply.error else reply.fields for reply in run.replies()]
    if memory is not None:
        memory.close()
    return found, run.queue.reused


@pytest.mark.parametrize("mode", ["alone", "together", "restricted"])
def test_each_reader_notices_each_change(mode, tmp_path, monkeypatch):
    chance = random.Random(f"{mode} {STEPS}")
    monkeypatch.setattr("snowsnake.jobs.run._LEAST_IN_GROUP", 100 if mode == "together" else 1)
    monkeypatch.setattr("snowsnake.jobs.run._MOST_IN_GROUP", 100 if mode == "together" else 1)
    monkeypatch.setenv("HOME", str(tmp_path / "w/p"))
    root = write_root(tmp_path)
    world = World(tmp_path / "w")
    options = {"restricted": True, "allowed_paths": (str(tmp_path),)} if mode == "restricted" else {}
    reused = 0
    for number in range(STEPS):
        before = world.state, world.parent
        kind = chance.random()
        if kind < 0.75:
            world.set(chance.choice(list(STATES)), world.parent)
        elif kind < 0.95:
            world.set(world.state, chance.choice(PARENTS))
        else:
            monkeypatch.setenv("WORLD_V", chance.choice(("", "1", "2")))
        if chance.random() < 0.2:
            (tmp_path / "w/other/x").unlink(missing_ok=True)
            if chance.random() < 0.5:
                (tmp_path / "w/other/x").write_text("5")
        if chance.random() < 0.02:
            # Files are old enough then to have stamps.
            time.sleep(2.1)
        memory = JobMemory(str(tmp_path / "results.sqlite"), "request")
        found, kept = lines(root, memory, **options)
        expected, _ = lines(root, None, **options)
        wrong = [(now["attr"], was) for now, was in zip(expected, found, strict=True) if now != was]
        assert not wrong, (number, before, (world.state, world.parent), wrong)
        reused += kept
    assert reused > STEPS
