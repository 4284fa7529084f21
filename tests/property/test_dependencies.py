"""The record of an evaluation holds exactly as long as another evaluation has the same result: random worlds, programs and changes.

No change may be missed: whenever the result differs, `changed()` says so.  And the record is useful: files at which the program did not look
have no influence on it.
"""

import os
import random
import shutil
import time
from pathlib import Path

import pytest
from without_privilege import run_without_privilege

from snowsnake.api import EvaluationError, Evaluator
from snowsnake.dependencies import Dependencies, Dependency

NAMES = ["a", "b.nix", "c", "d", "default.nix"]
CONTENTS = [
    "1",
    "2",
    '"text"',
    "./a",
    "import ./a",
    "import ./b.nix",
    "builtins.readFile ./c",
    "{ }",
    "builtins.readDir ./.",
    "toString ./.",
]
LINKS = ["a", "../a", "c", "b.nix", "../d", "nowhere", ".", "..", "../.."]
PROGRAMS = [
    "import PATH", "builtins.readFile PATH", "builtins.readDir PATH", "builtins.readFileType PATH", "builtins.pathExists PATH",
    'builtins.pathExists "PATH/"', 'builtins.hashFile "sha256" PATH', '"${PATH}"', "builtins.path { path = PATH; }",
    'builtins.path { path = PATH; name = "x"; recursive = false; }', 'builtins.path { path = PATH; filter = p: t: t != "symlink"; name = "x"; }',
    'builtins.path { path = PATH; filter = p: t: baseNameOf p != "a" || t == "directory"; name = "x"; }',
    "builtins.filterSource (p: t: !builtins.pathExists (p + \"/a\")) PATH", "scopedImport { } PATH",
    'builtins.findFile [ { prefix = "x"; path = "PATH"; } ] "x/a"',
    'builtins.findFile [ { prefix = ""; path = "PATH/nowhere"; } { prefix = ""; path = "PATH"; } ] "c"',
    "<s/a>", "builtins.readFile <t>", 'builtins.getEnv "SNOWSNAKE_TEST"', "builtins.pathExists ~/a", "~/c",
    'builtins.readFile "${PATH}/a"', 'builtins.readDir "${PATH}"', 'import (PATH + "/a")',
    '(derivation { name = "n"; system = "s"; builder = PATH; }).drvPath', "builtins.pathExists (PATH + \"/a\")",
]  # fmt: skip


def fill(random_: random.Random, folder: Path, depth: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        put(random_, folder / name, depth)


def put(random_: random.Random, path: Path, depth: int = 1) -> None:
    what = random_.random()
    if what < 0.45:
        path.write_text(random_.choice(CONTENTS))
        path.chmod(random_.choice([0o644, 0o755]))
    elif what < 0.6:
        path.symlink_to(random_.choice(LINKS))
    elif what < 0.85 and depth < 2:
        fill(random_, path, depth + 1)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def somewhere(random_: random.Random, root: Path) -> Path:
    folder = root
    while random_.random() < 0.5:
        inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.is_symlink()]
        if not inner:
            break
        folder = random_.choice(inner)
    return folder / random_.choice([*NAMES, "new"])


def change(random_: random.Random, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    what = random_.random()
    if what < 0.05:
        monkeypatch.setenv("SNOWSNAKE_TEST", random_.choice(["", "x", "y"]))
        return
    if what < 0.1:
        monkeypatch.setenv("HOME", os.fspath(root / random_.choice(NAMES)))
        return
    path = somewhere(random_, root)
    if what < 0.3 and path.is_file():
        path.chmod(random_.choice([0o644, 0o755]))
        path.write_text(random_.choice(CONTENTS))
    else:
        remove(path)
        if what < 0.8:
            put(random_, path)


def run(root: Path, program: str, options: dict[str, object]) -> tuple[object, Evaluator]:
    nix = Evaluator(search_path={"s": root / "d", "t": root / "nowhere", "": root / "c"}, **options)
    try:
        found: object = nix.evaluate(program).to_python()
    except EvaluationError as error:
        found = error.code, error.message
    return found, nix


def without_failures(record: Dependencies) -> list[Dependency]:
    """What has changed; a path that could not be read counts as changed in each run."""
    return [entry for entry in record.changed(ignore_time=True) if entry.state != "failed"]


@pytest.mark.parametrize("policy", ["free", "restricted", "cached"])
@pytest.mark.parametrize("seed", range(6))
def test_a_record_notices_every_change_of_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, seed: int) -> None:
    random_ = random.Random(f"{policy} {seed}")
    # Links lead up to two folders up, so nobody else may write there.
    root = tmp_path / "alone" / "here" / "world"
    root.parent.mkdir(parents=True)
    monkeypatch.setenv("HOME", os.fspath(root))
    options: dict[str, object] = {"free": {}, "restricted": {"restricted": True, "allowed_paths": [root / "a", root / "d"]},
                                  "cached": {"cache": tmp_path / "cache"}}[policy]  # fmt: skip
    differed = kept = 0
    for _ in range(60):
        remove(root)
        fill(random_, root)
        parts = [random_.choice(PROGRAMS).replace("PATH", f"{root}/{random_.choice(['a', 'c', 'd', 'b.nix', 'd/a', 'c/d', 'a/b.nix'])}")
                 for _ in range(random_.choice([1, 1, 2]))]  # fmt: skip
        program = "[ " + " ".join(f"({part})" for part in parts) + " ]"
        first, nix = run(root, program, options)
        record = nix.dependencies()
        assert [entry for entry in record if entry.state == "disputed"] == [], program
        assert without_failures(record) == [], program
        record = Dependencies.from_json(record.to_json())
        assert without_failures(record) == [], program
        for _ in range(8):
            change(random_, root, monkeypatch)
            second, _ = run(root, program, options)
            changed = record.changed(ignore_time=True)
            if second != first:
                assert changed, (program, first, second, list(record))
                differed += 1
            kept += not changed
    assert differed > 50 and kept > 50


def test_what_was_not_asked_has_no_influence(tmp_path: Path) -> None:
    (tmp_path / "a.nix").write_text("import ./b.nix")
    (tmp_path / "b.nix").write_text("builtins.readDir ./folder")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    nix = Evaluator()
    nix.evaluate_file(tmp_path / "a.nix").to_python()
    record = nix.dependencies()
    (tmp_path / "c.nix").write_text("new")
    (tmp_path / "folder" / "file").write_text("other contents")
    os.utime(tmp_path / "b.nix")
    assert record.changed(ignore_time=True) == []
    (tmp_path / "folder" / "more").write_text("")
    assert [(entry.kind, entry.name) for entry in record.changed(ignore_time=True)] == [("directory", str(tmp_path / "folder"))]


def test_a_file_that_changes_between_two_looks_is_disputed(tmp_path: Path) -> None:
    """One evaluation read both contents, and no state of the world has that result again."""
    file = tmp_path / "f"
    file.write_text("one")
    nix = Evaluator()
    assert nix.evaluate(f"builtins.readFile {file}").to_python() == "one"
    file.write_text("two")
    assert nix.evaluate(f"builtins.readFile {file}").to_python() == "two"
    assert [entry.state for entry in nix.dependencies() if entry.kind == "file"] == ["disputed"]
    assert nix.dependencies().changed(ignore_time=True)


def test_a_file_that_changes_before_the_record_is_read_counts_as_changed(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("one")
    os.utime(file, ns=(10**18, 10**18))
    nix = Evaluator()
    nix.evaluate(f"builtins.readFile {file}").to_python()
    file.write_text("two")
    assert nix.dependencies().changed(ignore_time=True)


def test_the_time_and_variables_are_recorded_when_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nix = Evaluator()
    monkeypatch.delenv("SNOWSNAKE_TEST", raising=False)
    nix.evaluate('builtins.getEnv "SNOWSNAKE_TEST"').to_python()
    record = nix.dependencies()
    # Nobody looked at the time.
    assert [tuple(entry) for entry in record] == [("variable", "SNOWSNAKE_TEST", "absent", None)]
    monkeypatch.setenv("SNOWSNAKE_TEST", "")
    assert record.changed(ignore_time=True)
    nix.evaluate("builtins ? currentTime && builtins.length (builtins.attrValues builtins) > 100").to_python()
    assert not [entry for entry in nix.dependencies() if entry.kind == "time"]
    nix.evaluate("builtins.currentTime").to_python()
    timed = [entry for entry in nix.dependencies() if entry.kind == "time"]
    assert len(timed) == 1 and abs(timed[0].value - time.time()) < 600
    assert Evaluator(pure=True).dependencies().changed() == []


def test_files_from_the_cache_of_compiled_files_count(tmp_path: Path) -> None:
    (tmp_path / "a.nix").write_text("1 + 1")
    os.utime(tmp_path / "a.nix", ns=(10**18, 10**18))
    for _ in range(3):
        nix = Evaluator(cache=tmp_path / "cache")
        assert nix.evaluate_file(tmp_path / "a.nix").to_python() == 2
        record = nix.dependencies()
        assert [(entry.name, entry.state) for entry in record if entry.kind == "file"] == [
            (str(tmp_path / "a.nix"), "found")
        ]
    (tmp_path / "a.nix").write_text("1 + 2")
    assert record.changed(ignore_time=True)


def test_each_path_is_recorded_once(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    nix = Evaluator()
    nix.evaluate(f'[ (builtins.readDir {tmp_path}/d) "${{{tmp_path}/d}}" (builtins.readDir {tmp_path}/d) ]').to_python()
    assert nix.files_read() == [str(tmp_path / "d")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"version": 2}',
        '{"version": 1, "entries": [1]}',
        '{"version":1,"settings":{},"store":["/",null],"entries":[["x","y","found",1]]}',
    ],
)
def test_text_that_is_no_dependencies_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Dependencies.from_json(text)


def test_a_filter_that_failed_saw_a_part_of_the_tree(tmp_path: Path) -> None:
    for name in ("a", "z"):
        (tmp_path / "d" / name).mkdir(parents=True)
    program = f"""builtins.tryEval (builtins.path {{
        path = {tmp_path}/d; name = "x"; filter = p: t: if baseNameOf p == "z" then throw p else true; }})"""
    nix = Evaluator()
    assert nix.evaluate(program).to_python() == {"success": False, "value": False}
    machine = nix.evaluate("1")._handle.machine
    asked = machine.record_count()
    record = nix.dependencies()
    assert len(record) == asked == machine.record_count()
    shutil.rmtree(tmp_path / "d" / "z")
    assert record.changed() and Dependencies.from_json(record.to_json()).changed()
    assert Evaluator().evaluate(program).to_python()["success"]


# Each expression fails on a path that is there; the word "closed" stands for a folder that nobody may enter.
UNREADABLE = [
    "import DIR/closed/a.nix", "import DIR/secret.nix", "builtins.readFile DIR/closed/a.nix", "builtins.readFile DIR/secret.nix", "builtins.readDir DIR/closed",
    "builtins.readDir DIR/closed/sub", "builtins.readDir DIR/secret.nix", "builtins.readFile DIR/open", "builtins.readFileType DIR/closed/a.nix",
    "builtins.pathExists DIR/closed/a.nix", 'builtins.hashFile "sha256" DIR/secret.nix', '"${DIR/secret.nix}"', '"${DIR}"', '"${DIR/closed/a.nix}"',
    'builtins.path { path = DIR/closed/a.nix; name = "x"; }', 'builtins.path { path = DIR; name = "x"; filter = p: t: true; }', "scopedImport { } DIR/closed/a.nix",
    'builtins.findFile [ { prefix = "x"; path = "DIR/closed"; } ] "x/a.nix"', "builtins.readFile DIR/link", "builtins.readFile DIR/pipe",
]  # fmt: skip


@pytest.mark.parametrize("policy", [{}, {"restricted": True}], ids=["free", "restricted"])
def test_what_could_not_be_read_counts_as_changed(tmp_path: Path, policy: dict[str, bool]) -> None:
    """It may fail for another reason the next time, which the error would name."""
    (tmp_path / "open").mkdir()
    (tmp_path / "closed" / "sub").mkdir(parents=True)
    for name in ("secret.nix", "closed/a.nix"):
        (tmp_path / name).write_text("1")
    (tmp_path / "secret.nix").chmod(0)
    (tmp_path / "link").symlink_to("closed/a.nix")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "closed").chmod(0)
    options = {**policy, **({"allowed_paths": [str(tmp_path)]} if policy else {})}
    try:
        for expression in UNREADABLE:
            done = run_without_privilege(f"""
from snowsnake import EvaluationError, Evaluator
nix = Evaluator(**{options!r})
try:
    nix.evaluate({expression.replace("DIR", str(tmp_path))!r}).force()
except EvaluationError as error:
    print(error.code, bool(nix.dependencies().changed()))
""", folder=tmp_path)
            assert done.stdout == "file True\n", (expression, done.stdout, done.stderr)
    finally:
        (tmp_path / "closed").chmod(0o755)
