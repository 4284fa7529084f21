"""Command lines of store commands, and archives, streams, registrations and JSON, changed at random: each ends in an answer or a clear error.

`SNOWSNAKE_FUZZED=20000` runs more of them.
"""

import gc
import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "differential"))

from command_lines import outside_the_root  # noqa: E402
from store_world import ENVIRONMENT, make_world  # noqa: E402

from snowsnake.cli.nix.main import main as nix  # noqa: E402
from snowsnake.cli.nix.table import ROWS  # noqa: E402
from snowsnake.cli.old import hash as old_hash  # noqa: E402
from snowsnake.cli.old import prefetch_url, store, store_query  # noqa: E402

COUNT = int(os.environ.get("SNOWSNAKE_FUZZED", "300"))
_WORDS = (
    "", "-", "--", ".", "..", "/", "f", "d", "d.nar", "bad.nar", "nope", "./dlink", "./leafout", "./leaf.drv", "./midout", "./top.drv", "dlink",
    "leaf.drv", "top.drv!out", "./leaf.drv^out", "/nix/store", "/nix/store/x", "/nix/store/" + "0" * 32 + "-x", "/nix/store/" + "0" * 32 + "-x.drv^*",
    "path:./fl", "path:./fl#a", "path:./fl#o^out", "sha256", "md5", "nar", "flat", "text", "git", "sri", "base32", "1", "2", "-1", "99999999999999999999",
    "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "0" * 52, "é", "\udcff", "a\nb", "x" * 300, "file:///nope", "name", "derivation { }",
)  # fmt: skip
_OURS = [row for row in ROWS if row.runner.rpartition(":")[0].rpartition(".")[2] in ("hash", "listing", "store", "path_info", "why_depends", "derivation", "prefetch")]
_FLAGS = ("-v", "--quiet", "--store", "--option", "--readonly-mode", "--version", "--help", "--json", "-r", "--derivation", "--add-root", "--stdin", "--impure")
_OLD = [name for operation in store._OPERATIONS if operation[1] for name in operation[0].split()]
_OLD_FLAGS = [*store_query._KIND_OF, *store_query._OPTION_OF, "--check-contents", "--print-invalid", "--recursive", "--dry-run", "--ignore-unknown", "--hash-given"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "world"
    folder.mkdir()
    make_world(folder)
    return folder


@pytest.fixture
def place(world, tmp_path, monkeypatch):
    folder = tmp_path / "pwd"
    shutil.copytree(world, folder, symlinks=True)
    for name in [name for name in os.environ if name.startswith(("NIX_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in (ENVIRONMENT | {"PATH": "/nonexistent", "HOME": str(tmp_path), "NIX_REMOTE": str(folder / "root")}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    yield folder
    # Evaluators that nobody refers to close the store while it is there.
    gc.collect()


def _checked(main, words: list[str], capfd, stdin: Path) -> tuple[int, str]:
    """The exit code and the messages of a command; the test fails if the command reports a fault of its own."""
    with open(stdin, encoding="utf-8", errors="surrogateescape") as file:
        before, sys.stdin = sys.stdin, file
        try:
            code = main(words)
        finally:
            sys.stdin = before
    captured = capfd.readouterr()
    assert "fault of the evaluator" not in captured.err and "Traceback" not in captured.err, (words, captured.err)
    # Codes from 100 on say that a build failed.
    assert code in (0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102), (words, code)
    return code, captured.err


def _line(choice: random.Random) -> tuple[object, list[str]]:
    kind = choice.random()
    words = [choice.choice(_WORDS) for _ in range(choice.randrange(4))]
    if kind < 0.6:
        row = choice.choice(_OURS)
        for _ in range(choice.randrange(3)):
            option = choice.choice(row.options) if row.options and choice.random() < 0.8 else None
            given = [choice.choice(option.names), *(choice.choice(_WORDS) for _ in option.values)] if option else [choice.choice(_FLAGS)]
            words[choice.randrange(len(words) + 1) :][:0] = given
            words += given if choice.random() < 0.5 else []
        return nix, [*row.name.split(), *words]
    if kind < 0.9:
        flags = [choice.choice(_OLD_FLAGS + list(_FLAGS)) for _ in range(choice.randrange(3))]
        mixed = words + flags
        choice.shuffle(mixed)
        return store.main, [choice.choice(_OLD), *mixed]
    main = choice.choice((old_hash.main, prefetch_url.main))
    return main, words + [choice.choice(("--flat", "--type", "--to-sri", "--base32", "--truncate", "--unpack", "--name", "--print-path", *_FLAGS))]


def test_random_command_lines_of_stores_cause_no_traceback(place, capfd) -> None:
    choice = random.Random(15)
    nothing = Path("/dev/null")
    for _ in range(COUNT):
        main, words = _line(choice)
        if "/" in words and ("add" in words or "--add" in words or "path" in words or "pack" in words or main is old_hash.main or "--dump" in words):
            # Such a command would serve the whole machine.
            continue
        _checked(main, outside_the_root(words), capfd, nothing)


def _changed(data: bytes, choice: random.Random) -> bytes:
    """A few bytes replaced, removed, repeated, or numbers made large."""
    found = bytearray(data)
    for _ in range(choice.randrange(1, 4)):
        at = choice.randrange(len(found) + 1)
        kind = choice.randrange(5)
        if kind == 0 and at < len(found):
            found[at] = choice.randrange(256)
        elif kind == 1:
            del found[at : at + choice.randrange(1, 32)]
        elif kind == 2:
            found[at:at] = found[at : at + choice.randrange(1, 64)]
        elif kind == 3:
            found[at : at + 8] = choice.choice((b"\xff" * 8, bytes(8), b"\0\0\0\0\0\0\0\x40", b"\0\0\0\1\0\0\0\0"))
        else:
            del found[at:]
    return bytes(found)


def _inputs(place: Path, capfd) -> dict[str, tuple[bytes, list[tuple[object, list[str]]]]]:
    """By kind: an input that is right, and the commands that read it from standard input or from `in`."""
    store.main(["--export", "leaf.drv", "dlink", "flink", "leafout"])
    sys.stdout.flush()
    capfd.readouterr()
    export = place / "export"
    with open(export, "wb") as file:
        before = os.dup(1)
        os.dup2(file.fileno(), 1)
        store.main(["--export", "leaf.drv", "dlink", "flink", "leafout"])
        os.dup2(before, 1)
        os.close(before)
    other = str(place / "other")
    drv = os.readlink(place / "mid.drv")
    return {
        "archive": ((place / "d.nar").read_bytes(), [(nix, ["nar", "ls", "-R", "in", "/"]), (nix, ["nar", "cat", "in", "/a"]), (store.main, ["--restore", "out"])]),
        "export": (export.read_bytes(), [(store.main, ["--import", "--store", other])]),
        "registration": ((place / "dump").read_bytes(), [(store.main, ["--load-db"]), (store.main, ["--register-validity", "--hash-given"]), (store.main, ["--register-validity", "--reregister"])]),
        "json": ((place / "leaf.json").read_bytes(), [(nix, ["derivation", "add"])]),
        "derivation": ((place / f"root{drv}").read_bytes(), [(nix, ["derivation", "show", "-r", "./mid.drv"]), (store.main, ["-q", "--outputs", "mid.drv"]), (store.main, ["-r", "mid.drv"])]),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["archive", "export", "registration", "json", "derivation"])
def test_changed_inputs_are_answered_or_refused(kind, place, capfd) -> None:
    choice = random.Random(kind)
    right, commands = _inputs(place, capfd)[kind]
    drv = place / f"root{os.readlink(place / 'mid.drv')}"
    drv.chmod(0o644)
    for _ in range(COUNT // 6):
        data = _changed(right, choice)
        (place / "in").write_bytes(data)
        if kind == "derivation":
            drv.write_bytes(data)
        for main, words in commands:
            _checked(main, words, capfd, place / "in")
            for name in ("out", "other"):
                if (place / name).is_dir() and not (place / name).is_symlink():
                    os.system(f"chmod -R u+w {place / name}; rm -rf {place / name}")
                else:
                    (place / name).unlink(missing_ok=True)


def test_odd_json_of_a_derivation_causes_no_traceback(place, capfd) -> None:
    """Each part of a derivation's JSON replaced by a value of each type."""
    right = json.loads((place / "leaf.json").read_text())
    values = (None, True, 1, -1, 1.5, 10**30, "", "x", "../x", [], [1], {}, {"": {}}, [[]], {"out": {"path": 1}}, {"a": {"outputs": 1, "dynamicOutputs": {}}})

    def places(value, path=()):
        yield path
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield from places(inner, (*path, key))

    for path in places(right):
        for value in values:
            changed = json.loads(json.dumps(right))
            at = changed
            for key in path[:-1]:
                at = at[key]
            if path:
                at[path[-1]] = value
            else:
                changed = value
            (place / "in").write_text(json.dumps(changed))
            _checked(nix, ["derivation", "add"], capfd, place / "in")
