"""Only changed attributes are evaluated again, and no change is overlooked: random changes of a package set, beside full runs."""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import snowsnake
from snowsnake.dependencies import Dependencies
from snowsnake.interpreter import Interpreter
from snowsnake.jobs.asking import Asking
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.memory import JobMemory
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.run import Run

# A message that shows a value has «thunk» for each part that nobody has evaluated yet, as in C++ Nix.
SHOWN = re.compile(r"(: )[\[{] .*")
ROUNDS = int(os.environ.get("SNOWSNAKE_INCREMENTAL_ROUNDS", "15"))
DEFAULT = """
let
  lib = import ./lib.nix;
  names = builtins.attrNames (builtins.readDir ./packages);
  set = builtins.listToAttrs (map (file: { name = lib.stem file; value = import (./packages + "/${file}") { inherit lib set; }; }) names);
in set // { nested = { recurseForDerivations = true; inherit (set) p0; special = import ./special.nix { inherit lib set; }; }; }
"""
LIB = """rec {
  stem = file: builtins.head (builtins.split "[.]" file);
  make = name: more: derivation ({ inherit name; system = "x"; builder = "b"; } // more);
  late = import ./late.nix;
}
"""


def package(number: int, chance: random.Random) -> str:
    """A package that reads the world in one of many ways."""
    others = f"set.p{chance.randrange(12)} or null"
    value = f"v{chance.randrange(1000)}"
    return chance.choice(
        (
            f'{{ lib, set }}: lib.make "n{number}" {{ v = "{value}"; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ v = builtins.readFile ../data/d{chance.randrange(4)}; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ v = builtins.toJSON (builtins.readDir ../data); }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ v = if builtins.pathExists ../data/d{chance.randrange(6)} then "{value}" else "none"; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ v = builtins.getEnv "JOBS_{chance.randrange(3)}"; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ src = ../data; v = "{value}"; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ src = builtins.path {{ path = ../data; name = "d"; filter = n: t: baseNameOf n != "d1"; }}; }}',
            f'{{ lib, set }}: lib.make "n{number}" {{ v = lib.late; o = let o = {others}; in if o == null then "{value}" else o; }}',
            f'{{ lib, set }}: if (import ../late.nix) == "{value}" then null else lib.make "n{number}" {{ v = "{value}"; }}',
            f'{{ lib, set }}: throw "{value}"',
            "{ lib, set }: { recurseForDerivations = builtins.pathExists ../data/d2; inner = lib.make \"i\" { v = lib.late; }; }",
            f'{{ lib, set }}: {{ {value} = ',
        )
    )  # fmt: skip


def change(root: Path, chance: random.Random) -> str:
    kind = chance.choice(("package", "package", "package", "remove", "data", "data", "late", "special", "lib", "variable", "link", "same"))
    file = root / "packages" / f"p{chance.randrange(14)}.nix"
    data = root / "data" / f"d{chance.randrange(6)}"
    if kind == "package":
        file.unlink(missing_ok=True)
        file.write_text(package(int(file.stem[1:]), chance))
    elif kind == "remove":
        file.unlink(missing_ok=True)
    elif kind == "data":
        if data.exists() and chance.random() < 0.4:
            data.unlink()
        else:
            data.write_text(f"d{chance.randrange(100)}")
    elif kind == "late":
        (root / "late.nix").write_text(f'"v{chance.randrange(50)}"')
    elif kind == "special":
        (root / "special.nix").write_text(package(99, chance).replace("../", "./"))
    elif kind == "lib":
        (root / "lib.nix").write_text(LIB + f"# {chance.randrange(3)}\n")
    elif kind == "variable":
        os.environ[f"JOBS_{chance.randrange(3)}"] = f"e{chance.randrange(4)}"
    elif kind == "link":
        file.unlink(missing_ok=True)
        file.symlink_to(f"p{chance.randrange(14)}.nix")
    elif file.exists():
        # The file gets another time, and keeps its content.
        file.touch()
    return kind


def evaluate(root: Path, memory: JobMemory | None, workers: int) -> tuple[list, Run]:
    evaluator = Interpreter(hides_time=True, is_writable=True, keeps_derivations=True)
    run = Run(JobRoot(evaluator, evaluator.evaluate_file(str(root)), JobOptions(show_trace=True)), RunOptions(workers=workers), memory)
    found = []
    for reply in run.replies():
        found.append({**reply.fields, "error": SHOWN.sub(r"\1…", reply.error)} if reply.error else reply.fields)
    if memory is not None:
        memory.close()
    return found, run


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    for number in range(3):
        monkeypatch.setenv(f"JOBS_{number}", "")
    chance = random.Random(1)
    folder = tmp_path / "set"
    for name in ("packages", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "default.nix").write_text(DEFAULT)
    (folder / "lib.nix").write_text(LIB)
    (folder / "late.nix").write_text('"v0"')
    (folder / "special.nix").write_text(package(99, chance).replace("../", "./"))
    (folder / "data/d0").write_text("0")
    for number in range(10):
        (folder / f"packages/p{number}.nix").write_text(package(number, chance))
    return folder


def outcome(root: Path, memory: JobMemory | None, workers: int) -> tuple[object, Run | None]:
    try:
        return evaluate(root, memory, workers)
    # An error of the root itself is the same in both runs.
    except Exception as error:
        if memory is not None:
            memory.close()
        return type(error).__name__, None


@pytest.mark.parametrize("seed", range(3))
def test_after_random_changes_a_run_prints_what_a_full_run_prints(seed, root, tmp_path, monkeypatch):
    monkeypatch.setattr("snowsnake.jobs.run._WORTH", 0)
    chance, other = random.Random(seed), random.Random(seed)
    reused = evaluated = layers = ledgers = 0
    for number in range(ROUNDS):
        monkeypatch.setattr("snowsnake.jobs.memory._MOST_CHANGES", other.choice((0.0, 0.05, 1.0, 20.0)))
        monkeypatch.setattr("snowsnake.jobs.memory._MOST_STAMPS", other.choice((0, 500)))
        monkeypatch.setattr("snowsnake.jobs.run._LEAST_IN_GROUP", chance.choice((1, 1, 1, 1, 3, 100)))
        monkeypatch.setattr("snowsnake.jobs.run._WIDE", chance.choice((2, 100, 100, 100)))
        changes = [change(root, chance) for _ in range(chance.choice((0, 1, 1, 1, 2, 5)))]
        if other.random() < 0.02:
            # Files are old enough then to have stamps.
            time.sleep(2.1)
        memory = JobMemory(str(tmp_path / "results.sqlite"), "request")
        found, run = outcome(root, memory, chance.choice((1, 2)))
        assert found == outcome(root, None, 1)[0], (number, changes)
        if run is not None:
            reused += run.queue.reused
            evaluated += run.queue.done - run.queue.reused
            layers += bool(memory.layer)
            with sqlite3.connect(memory.path) as database:
                ledgers += database.execute("select count(*) from ledgers").fetchone()[0]
    assert ledgers > ROUNDS / 4
    assert reused > evaluated / 4, (reused, evaluated)
    assert layers


@pytest.fixture
def large(tmp_path) -> Path:
    """Packages that do not know each other."""
    folder = tmp_path / "set"
    (folder / "packages").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "default.nix").write_text(DEFAULT)
    (folder / "lib.nix").write_text(LIB)
    (folder / "late.nix").write_text('"v0"')
    (folder / "special.nix").write_text('{ lib, set }: lib.make "s" { }')
    for number in range(100):
        (folder / f"packages/p{number}.nix").write_text(f'{{ lib, set }}: lib.make "n{number}" {{ }}')
    return folder


def test_only_changed_attributes_are_evaluated(large, tmp_path, monkeypatch):
    monkeypatch.setattr("snowsnake.jobs.worker._GROUP_S", 0.0)
    path = str(tmp_path / "results.sqlite")

    def evaluated() -> int:
        run = evaluate(large, JobMemory(path, "request"), 2)[1]
        return run.queue.done - run.queue.reused

    assert evaluated() == 105
    # The root is always evaluated.
    assert evaluated() == 1
    (large / "packages/p7.nix").write_text('{ lib, set }: lib.make "other" { }')
    assert evaluated() == 2
    assert evaluated() == 1
    (large / "lib.nix").write_text(LIB + "\n")
    assert evaluated() == 105


def test_what_changed_is_last_in_its_group(large, tmp_path):
    """A reply depends on the questions that were asked before it was ready, and not on those that its worker asked afterwards."""
    path = str(tmp_path / "results.sqlite")

    def evaluated() -> int:
        run = evaluate(large, JobMemory(path, "request"), 1)[1]
        return run.queue.done - run.queue.reused

    assert evaluated() == 105
    (large / "packages/p50.nix").write_text('{ lib, set }: lib.make "other" { }')
    first = evaluated()
    # The root, p50 and the attributes after it are evaluated.
    assert 2 < first < 60
    (large / "packages/p50.nix").write_text('{ lib, set }: lib.make "third" { }')
    assert evaluated() == 2
    assert evaluated() == 1


def test_changed_contents_are_noticed_under_the_same_time_and_size(large, tmp_path):
    """Contents that changed are noticed, whatever time and size the file was given; the others are not read again."""
    path = str(tmp_path / "results.sqlite")
    changed = large / "packages/p7.nix"
    evaluate(large, JobMemory(path, "request"), 1)
    evaluate(large, JobMemory(path, "request"), 1)
    before = changed.stat()
    changed.write_text(changed.read_text().replace("n7", "m7"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (changed.stat().st_size, changed.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    found = evaluate(large, JobMemory(path, "request"), 1)[0]
    assert [job["name"] for job in found if job["attr"] == "p7"] == ["m7"]


@pytest.mark.parametrize("year_s", [-(10**9), 2**31 * 5])
def test_files_of_odd_dates_are_used_again(year_s, large, tmp_path):
    """Files dated 1938 and 2310, whose times have a sign or do not fit into 64 bits."""
    path = str(tmp_path / "results.sqlite")
    for file in [large / "lib.nix", *(large / "packages").iterdir()]:
        os.utime(file, (year_s, year_s))
    time.sleep(2.1)
    found, first = evaluate(large, JobMemory(path, "request"), 1)
    assert [evaluate(large, JobMemory(path, "request"), 1)[0] for _ in range(2)] == [found, found]
    again = evaluate(large, JobMemory(path, "request"), 1)[1]
    assert again.queue.reused == first.queue.done - 1
    assert not [job for job in found if "error" in job]


@pytest.mark.parametrize("trusts_stamps", [True, False])
def test_files_with_the_same_stamp_are_not_read(trusts_stamps, tmp_path, monkeypatch):
    """A file is read again only if its stamp is another one, or was too young to be one."""
    file = tmp_path / "file.nix"
    file.write_text("1")
    evaluator = Interpreter()
    evaluator.evaluate_file(str(file)).force()
    dependencies = evaluator.dependencies()
    # The file was changed just now.
    assert dependencies.stamps == {}
    texts = [json.dumps(entry) for entry in dependencies if entry.kind == "file"]
    asked = []
    monkeypatch.setattr(dependencies, "holds", lambda entry: asked.append(entry.name) or Dependencies.holds(dependencies, entry))

    def ask(stamps: dict[str, str]) -> tuple[int, int, dict[str, str]]:
        asking = Asking(dependencies, trusts_stamps=trusts_stamps)
        asking.stamps = stamps
        asked.clear()
        end = asking.first_changed(texts, [""] * len(texts))
        return end, len(asked), asking.learned

    assert ask({}) == (1, 1, {})
    monkeypatch.setattr("snowsnake.jobs.asking._YOUNG_NS", -(10**12))
    end, count, learned = ask({})
    assert (end, count, len(learned)) == (1, 1, int(trusts_stamps))
    assert ask(learned)[:2] == (1, 0 if trusts_stamps else 1)
    file.write_text("2")
    assert ask(learned)[:2] == (0, 1)


def test_a_row_of_another_base_is_not_used(large, tmp_path):
    """A row of another base is not used, although its checksum is right."""
    path = str(tmp_path / "results.sqlite")
    evaluate(large, JobMemory(path, "one"), 1)
    (large / "default.nix").write_text(DEFAULT.replace("special = ", "other = "))
    expected = evaluate(large, None, 1)[0]
    with sqlite3.connect(path) as database:
        (base,) = database.execute("select id from bases").fetchone()
    evaluate(large, JobMemory(path, "two"), 1)
    with sqlite3.connect(path) as database:
        database.execute("update groups set base = (select max(id) from bases) where base = ?", (base,))
        database.execute("delete from groups where id > (select max(id) / 2 from groups)")
    assert evaluate(large, JobMemory(path, "two"), 1)[0] == expected


def test_another_request_is_another_result(large, tmp_path):
    path = str(tmp_path / "results.sqlite")
    evaluate(large, JobMemory(path, ["one"]), 1)
    run = evaluate(large, JobMemory(path, ["two"]), 1)[1]
    assert run.queue.reused == 0


def reused(root: Path, path: Path) -> tuple[list, int, bool]:
    memory = JobMemory(str(path), "request")
    found, run = evaluate(root, memory, 1)
    assert found == evaluate(root, None, 1)[0]
    return found, run.queue.done - run.queue.reused, memory.began_as_before


def test_unchanged_files_are_not_opened(large, tmp_path, monkeypatch):
    """The stamps of files that are old enough are believed: neither those of the root nor those of the attributes are opened."""
    path = tmp_path / "results.sqlite"
    time.sleep(2.1)
    reused(large, path)
    monkeypatch.setattr("snowsnake.dependencies._hash", None)
    assert reused(large, path)[1:] == (1, True)
    monkeypatch.undo()
    (large / "default.nix").touch()
    # The base is the same by its content.
    assert reused(large, path)[1:] == (1, False)
    (large / "default.nix").write_text(DEFAULT.replace("special =", "other ="))
    found, evaluated, _ = reused(large, path)
    assert evaluated == len(found) + 3


def test_sets_that_change_are_evaluated_again(large, tmp_path):
    """A set, a set with other names and a package at the same path; the ledger is older than the last change."""
    path = tmp_path / "results.sqlite"
    special = large / "special.nix"
    inner = "{ lib, set }: { recurseForDerivations = true; %s }"
    forms = [
        '{ lib, set }: lib.make "s" { }',
        inner % 'a = lib.make "a" { }; b = lib.make "b" { };',
        inner % 'a = lib.make "a" { }; deep = { recurseForDerivations = true; c = throw "no"; "d.e" = lib.make "d" { }; };',
        '{ lib, set }: throw "never"',
        "{ lib, set }: { }",
    ]
    chance = random.Random(4)
    reused(large, path)
    for _ in range(12):
        special.write_text(chance.choice(forms))
        (large / "packages/p50.nix").write_text(f'{{ lib, set }}: lib.make "n{chance.randrange(3)}" {{ }}')
        assert reused(large, path)[1] < 105


def test_derivations_that_are_gone_are_evaluated_again(large, tmp_path):
    """A derivation that the store does not have any more is evaluated again, whether its reply is in the ledger or in a row."""
    path = str(tmp_path / "results.sqlite")
    (large / "packages/p7.nix").write_text('{ lib, set }: lib.make "n" { drvPath = "\\"drvPath\\":\\"/x"; }')
    jobs = {job["attr"]: job for job in evaluate(large, JobMemory(path, "r"), 1)[0]}
    (large / "packages/p50.nix").write_text('{ lib, set }: lib.make "other" { }')
    jobs |= {job["attr"]: job for job in evaluate(large, JobMemory(path, "r"), 1)[0]}
    for names in ((), ("p7",), ("p50", "p99"), ("special", "nested.special")):
        gone = {jobs[name]["drvPath"] for name in names if name in jobs}
        asked = []
        memory = JobMemory(path, "r", valid_among=lambda paths, gone=gone, asked=asked: asked.append(paths) or paths - gone)
        run = evaluate(large, memory, 1)[1]
        assert run.queue.done - run.queue.reused == 1 + sum(job.get("drvPath") in gone for job in jobs.values())
        assert len(asked) < 105 / 2


def test_odd_attribute_names_are_reused(tmp_path):
    root = tmp_path / "default.nix"
    names = ["é", "a b", "a-b", "a.b", "a", "x\\ny", "\\t", "🐍", "~"]
    drv = 'derivation { name = "n"; system = "%s"; builder = "b"; v = builtins.readFile ./v; }'
    inner = " ".join(f'"{name}" = {drv % name[:1].replace(chr(92), "z")};' for name in names)
    root.write_text(f"{{ {inner} set = {{ recurseForDerivations = true; {inner} }}; }}")
    (tmp_path / "v").write_text("1")
    path = tmp_path / "results.sqlite"
    found = reused(root, path)[0]
    assert len(found) == 18
    assert reused(root, path)[:2] == (found, 1)
    (tmp_path / "v").write_text("2")
    assert reused(root, path)[0] != found


def test_damaged_results_are_evaluated_again(large, tmp_path):
    path = tmp_path / "results.sqlite"
    expected = evaluate(large, JobMemory(str(path), "r"), 1)[0]
    data = bytearray(path.read_bytes())
    chance = random.Random(3)
    for _ in range(12):
        broken = bytearray(data)
        if chance.random() < 0.3:
            broken = broken[: chance.randrange(len(broken))]
        else:
            for _ in range(50):
                broken[chance.randrange(100 if chance.random() < 0.2 else len(broken))] = chance.randrange(256)
        for ending in ("-wal", "-shm"):
            Path(str(path) + ending).unlink(missing_ok=True)
        path.write_bytes(broken)
        names = [job["attr"] for job in evaluate(large, JobMemory(str(path), "r"), 1)[0]]
        assert names == [job["attr"] for job in expected]


@pytest.mark.parametrize("part", ["heads", "lines"])
def test_a_damaged_ledger_is_replaced(part, large, tmp_path):
    path = tmp_path / "results.sqlite"
    reused(large, path)
    with sqlite3.connect(path) as database:
        (blob,) = database.execute(f"select {part} from ledgers").fetchone()
        broken = bytearray(blob)
        broken[len(broken) // 2] ^= 1
        database.execute(f"update ledgers set {part} = ?", (broken,))
    assert reused(large, path)[1] == 105
    assert reused(large, path)[1] == 1
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from groups").fetchone() == (0,)


def test_files_with_times_far_away_keep_their_results(large, tmp_path):
    path = tmp_path / "results.sqlite"
    for number, when in enumerate((-(10**18), 10**19, 0)):
        try:
            os.utime(large / f"packages/p{number}.nix", ns=(when, when))
        except (OSError, OverflowError):
            continue
    assert reused(large, path)[0] == reused(large, path)[0]
    assert reused(large, path)[1] == 1


def test_a_run_goes_on_if_results_cannot_be_kept(large, tmp_path):
    (tmp_path / "file").write_text("")
    found, run = evaluate(large, JobMemory(str(tmp_path / "file/results.sqlite"), "r"), 1)
    assert len(found) == 102 and run.queue.reused == 0


def test_the_size_of_kept_results_is_limited(large, tmp_path):
    path = str(tmp_path / "results.sqlite")
    for number in range(6):
        evaluate(large, JobMemory(path, number, limit_bytes=150_000), 1)
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from bases").fetchone()[0] < 6
    assert os.path.getsize(path) < 400_000


def test_several_processes_may_share_a_file_of_results(large, tmp_path, run_command):
    """Two runs at once use the same file of results."""
    import threading

    outputs = []

    def run() -> None:
        words = ["jobs", str(large), "--json", "--incremental", "--results", "r.sqlite", "--workers", "2"]
        outputs.append(run_command("main", *words).stdout)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(outputs)) == 1 and len(outputs[0].splitlines()) == 102


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git")


@pytest.fixture
def repository(large):
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(large), "-c", "user.name=n", "-c", "user.email=e", *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    (large / "packages/p7.nix").write_text('{ lib, set }: lib.make "other" { }')
    (large / "packages/p8.nix").unlink()
    (large / "packages/q.nix").write_text('{ lib, set }: throw "new"')
    return large


@needs_git
def test_the_difference_from_a_revision_is_printed(repository):
    def run(*more: str) -> subprocess.CompletedProcess:
        code = "import sys, os; os.chdir(sys.argv.pop(1)); from snowsnake.cli.main import main; sys.exit(main())"
        environment = os.environ | {"PYTHONPATH": str(Path(snowsnake.__file__).parent.parent)}
        return subprocess.run(
            [sys.executable, "-c", code, str(repository), "jobs", "./default.nix", "--workers", "1", *more], capture_output=True, env=environment, timeout=120
        )  # fmt: skip

    text = run("--diff", "HEAD")
    assert text.stdout.decode() == "added: 1\n  q: an error\nremoved: 1\n  p8: n8\nchanged: 1\n  p7: n7 → other\n", text.stderr
    data = json.loads(run("--diff", "HEAD", "--diff-format", "json").stdout)
    assert [len(data[name]) for name in ("added", "removed", "changed")] == [1, 1, 1]
    assert "| `p7` | n7 → other |" in run("--diff", "HEAD", "--diff-format", "markdown").stdout.decode()
    assert "<tr><td>p7<td>n7 → other" in run("--diff", "HEAD", "--diff-format", "html").stdout.decode()
    lines = run("--changed-since", "HEAD", "--incremental", "--results", "../r.sqlite").stdout.splitlines()
    assert [json.loads(line)["attr"] for line in lines] == ["p7", "q"]
    assert run("--diff", "no-such-revision").returncode == 1
    assert run("--diff", "--no-instantiate").returncode == 1


@needs_git
def test_a_revision_has_its_submodules_and_the_name_of_its_folder(tmp_path):
    """Of a submodule, the revision's own commit is compared, also after the working tree has lost it.  `./.` has the name of the folder in both."""

    def git(*words: str, folder: Path) -> None:
        subprocess.run(
            ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always", *words], check=True, capture_output=True
        )  # fmt: skip

    def run() -> dict[str, int]:
        code = "import sys; from snowsnake.cli.main import main; sys.exit(main())"
        environment = os.environ | {"PYTHONPATH": str(Path(snowsnake.__file__).parent.parent)}
        words = ["jobs", "root.nix", "--no-instantiate", "--workers", "1", "--diff", "HEAD", "--diff-format", "json"]
        result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, env=environment, timeout=120, cwd=top)
        found = json.loads(result.stdout)
        return {kind: len(lines) for kind, lines in found.items() if lines}

    top, inner, innermost = tmp_path / os.fsdecode(b"t\xff"), tmp_path / "inner", tmp_path / "innermost"
    for folder, text in ((innermost, "1"), (inner, "import ./innermost/x.nix"), (top, "")):
        folder.mkdir()
        git("init", "-q", folder=folder)
        (folder / "x.nix").write_text(text)
    (top / "root.nix").write_text(
        "let d = v: derivation { name = \"n\"; system = \"s\"; builder = \"b\"; inherit v; }; in {\n"
        "  a = d (import ./inner/x.nix);\n"
        "  b = d (builtins.filterSource (path: type: baseNameOf path == \"x.nix\") ./.);\n"
        "}\n"
    )
    git("add", ".", folder=innermost)
    git("commit", "-qm", "one", folder=innermost)
    for folder, below in ((inner, innermost), (top, inner)):
        git("submodule", "add", "-q", str(below), below.name, folder=folder)
        git("add", ".", folder=folder)
        git("commit", "-qm", "one", folder=folder)
    git("submodule", "update", "-q", "--init", "--recursive", folder=top)
    assert run() == {}
    (top / "inner/x.nix").write_text("2")
    assert run() == {"changed": 1}
    git("rm", "-qf", "inner", folder=top)
    (top / "inner").mkdir()
    (top / "inner/x.nix").write_text("1")
    assert run() == {}
    (top / "inner/x.nix").write_text("2")
    assert run() == {"changed": 1}


def test_a_file_copied_whole_and_through_a_filter_can_be_checked(tmp_path):
    """A file is requested in two ways, which agree about it, so the answer can be checked."""
    (tmp_path / "file").write_text("x")
    evaluator = Interpreter()
    evaluator.evaluate(f'"${{{tmp_path}/file}}" + builtins.filterSource (p: t: true) {tmp_path}/file'.encode(), "/").string()
    found = evaluator.dependencies()
    assert [entry.state for entry in found if entry.kind == "tree"] == ["found"]
    assert found.changed(ignore_time=True) == []
    (tmp_path / "file").write_text("y")
    assert [entry.kind for entry in found.changed(ignore_time=True)] == ["tree"]


def test_programs_on_standard_input_are_kept_apart(run_command):
    """The record cannot name the text of such a program, because it is not a file."""
    words = ("jobs", "-", "--json", "--no-instantiate", "--incremental", "--results", "r.sqlite")
    names = []
    for name in ("one", "two", "two"):
        result = run_command("main", *words, stdin=f'{{ a = derivation {{ name = "{name}"; system = "x"; builder = "b"; }}; }}'.encode())
        names.append((json.loads(result.stdout)["name"], b"\n1 of 2" in result.stderr))
    assert names == [("one", False), ("two", False), ("two", True)]


def test_what_a_store_has_is_asked_each_time(large, tmp_path, monkeypatch):
    """Whether something is built is not among the questions of an evaluation."""
    found = []
    for is_valid in (False, True):
        monkeypatch.setattr(JobRoot, "is_valid", lambda self, path, answer=is_valid: answer)
        evaluator = Interpreter(hides_time=True, is_writable=True, keeps_derivations=True)
        root = JobRoot(evaluator, evaluator.evaluate_file(str(large)), JobOptions(cache_status=True))
        memory = JobMemory(str(tmp_path / "results.sqlite"), "request")
        found.append({reply.fields["cacheStatus"] for reply in Run(root, RunOptions(workers=1), memory).replies()})
        memory.close()
    assert found == [{"notBuilt"}, {"local"}]


def test_a_clock_that_is_set_back_hides_no_change(monkeypatch):
    """If the clock is set back during a run, a file that changes afterwards does not seem older than the run."""
    from snowsnake.jobs import in_place

    since = in_place.now()
    monkeypatch.setattr(in_place.time, "time_ns", lambda: since.clock_ns - 10**12)
    changed_ns = in_place.time.time_ns()
    assert since.earliest_ns() <= changed_ns < since.clock_ns


def test_times_in_whole_seconds_are_no_stamps():
    """Images of file systems and VFAT have such times after any change, so the file is read each time."""
    from snowsnake.dependencies import stamp_text

    looked = {"st_mode": 0o100644, "st_blocks": 8, "st_ino": 3, "st_size": 1, "st_mtime_ns": 10**18}
    assert [stamp_text(SimpleNamespace(**looked, st_ctime_ns=10**18 + parts)) for parts in (0, 1)] == ["", f"{10**18} {10**18 + 1} 3 1"]


@pytest.mark.parametrize("seed", range(int(os.environ.get("SNOWSNAKE_DAMAGES", "25"))))
def test_a_damaged_file_of_results_changes_no_reply(seed, root, tmp_path):
    """Random bytes at random places, most of them in the first pages, where the schema is; the file that takes its place is used."""
    path = tmp_path / "results.sqlite"
    for _ in range(2):
        expected = evaluate(root, JobMemory(str(path), "request"), 1)[0]
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    most = chance.choice((100, 4096, len(data)))
    for _ in range(chance.choice((1, 5, 50))):
        data[chance.randrange(most)] = chance.randrange(256)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    path.write_bytes(data)
    for _ in range(2):
        assert evaluate(root, JobMemory(str(path), "request"), 1)[0] == expected
