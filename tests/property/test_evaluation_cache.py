"""The evaluation cache of flakes never has another answer than an evaluation: random edits and commands, beside commands that evaluate everything."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from snowsnake.cache.answer_files import AnswerFiles, packed, unpacked
from snowsnake.cli.nix.main import main
from snowsnake.fetch import tree_hash
from snowsnake.flake.answers import settle

NEEDS_PROGRAMS = ("git",)
STEPS = int(os.environ.get("SNOWSNAKE_CACHE_STEPS", "20"))
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
ATTRIBUTES = {
    "text": ('"one"', '"two"', "builtins.readFile ./data/a", 'toString (1 + 1)', 'throw "no"', "1 +"),
    "names": ("builtins.attrNames (builtins.readDir ./data)", "[ 1 2 ]", "import ./late.nix", "builtins.pathExists ./data/b"),
    "self": ("self.lastModified", "toString self.outPath", "self.dirtyRev or self.rev or null", "self.narHash", '"${./data}"'),
    "said": ('builtins.trace "said" 1', 'builtins.warn "warned" 2', "builtins.currentSystem or null", 'builtins.getEnv "HOME"'),
    "lazy": ("{ a = 1; b = throw \"b\"; }", "x: x", "{ f = { y }: y; outPath = \"/o\"; }", "builtins ? parseFlakeRef", "input.value or 0"),
}
PACKAGES = (
    'derivation { name = "p-1.0"; system = "x"; builder = "b"; }',
    'derivation { name = "p-1.1"; system = "x"; builder = "b"; src = ./data; } // { meta.description = builtins.readFile ./data/a; }',
    'derivation { name = "p"; system = "x"; builder = "b"; v = builtins.unsafeDiscardStringContext (derivation { name = "q"; system = "x"; builder = "b"; }).drvPath; }',
    '{ type = "derivation"; name = "bare-2"; }',
    'throw "no package"',
)
COMMANDS = (
    ("eval", ".#text"), ("eval", "--json", ".#names"), ("eval", ".#lazy"), ("eval", "--raw", ".#self"), ("eval", "--json", ".#self"), ("eval", ".#said"),
    ("eval", "--apply", "builtins.typeOf", ".#lazy"), ("eval", "--raw", ".#p.drvPath"), ("eval", "--raw", ".#p"), ("eval", "--read-only", "--raw", ".#p.outPath"),
    ("search", ".", "^"), ("search", ".", "--json", "p", "--exclude", "bare"), ("flake", "show"), ("flake", "show", "--json", "--legacy"),
    ("flake", "show", "--all-systems"), ("build", "--dry-run", ".#p"), ("build", "--dry-run", "--json", ".#p^*"), ("path-info", "--derivation", ".#p"),
    ("derivation", "show", ".#p"), ("eval", ".#missing"),
)  # fmt: skip
SHOW = ("flake", "show", "--no-write-lock-file")
SETTINGS = ("", "max-call-depth = 300", "extra-experimental-features = parse-toml-timestamps", "system = y", "abort-on-warn = true", "allow-import-from-derivation = false")


def call(words: tuple[str, ...], folder: Path, cache: Path, store: Path, settings: str = "") -> tuple[int, bytes, bytes]:
    """A command in a child: exit status, standard output and error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        _, status = os.waitpid(start(words, folder, cache, store, settings, (out.fileno(), errors.fileno())), 0)
        out.seek(0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), errors.read()


def kept_in(cache: Path) -> list[Path]:
    """The files of answers, without the temporary files of writers that were killed."""
    return [path for path in cache.glob("**/evaluations/?/*") if "." not in path.name]


def start(words: tuple[str, ...], folder: Path, cache: Path, store: Path, settings: str, streams: tuple[int, int]) -> int:
    """The process of a command."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.dup2(streams[0], 1)
        os.dup2(streams[1], 2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False))
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False))
        os.chdir(folder)
        os.environ.update(
            SNOWSNAKE_CACHE_DIR=str(cache), XDG_CACHE_HOME=str(cache), HOME=str(cache), NIX_REMOTE=str(store),
            NIX_CONFIG=f"experimental-features = nix-command flakes\nflake-registry =\nsystem = x\n{settings}",
        )  # fmt: skip
        code = main(list(words))
        sys.stdout.flush()
    finally:
        os._exit(code)


def change(root: Path, chance: random.Random) -> None:
    """Edits the flake, its input or Git's state."""
    kind = chance.choice(("attributes", "attributes", "package", "data", "late", "input", "commit", "commit", "touch", "remove", "back", "lock"))
    if kind in ("attributes", "package"):
        write_flake(root, chance)
    elif kind == "data":
        (root / "data" / chance.choice("ab")).write_text(chance.choice(("x", "y", "some text")))
        git(root, "add", "data")
    elif kind == "late":
        (root / "late.nix").write_text(chance.choice(("1", '"late"', "{ }")))
    elif kind == "input":
        (root.parent / "input" / "flake.nix").write_text(f"{{ outputs = _: {{ value = {chance.randrange(3)}; }}; }}")
        git(root.parent / "input", "commit", "-qam", "input")
    elif kind == "commit":
        git(root, "commit", "-qam", "change")
    elif kind == "touch":
        os.utime(root / "flake.nix")
    elif kind == "remove":
        (root / "data" / "b").unlink(missing_ok=True)
    elif kind == "back":
        git(root, "checkout", "-qf", "HEAD")
    else:
        (root / "flake.lock").unlink(missing_ok=True)


def write_flake(root: Path, chance: random.Random) -> None:
    chosen = {name: chance.choice(values) for name, values in ATTRIBUTES.items()}
    if chosen["text"] == "1 +" and chance.random() < 0.8:
        chosen["text"] = '"three"'
    lines = [f"    {name} = {value};" for name, value in chosen.items()]
    package = chance.choice(PACKAGES)
    (root / "flake.nix").write_text(
        f"""{{ inputs.input.url = "git+file://{root.parent}/input"; outputs = {{ self, input }}: {{\n""" + "\n".join(lines) + f"""
    packages.x.p = {package}; packages.y.p = {chance.choice(PACKAGES)};
    legacyPackages.x = {{ q.recurseForDerivations = true; q.p = {chance.choice(PACKAGES)}; z = {package}; }};
  }}; }}\n"""
    )  # fmt: skip


def git(root: Path, *words: str) -> None:
    subprocess.run([*GIT, "-C", str(root), *words], check=False, capture_output=True)


@pytest.fixture
def flake(tmp_path: Path) -> Path:
    root = tmp_path / "flake"
    (root / "data").mkdir(parents=True)
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "flake.nix").write_text("{ outputs = _: { value = 1; }; }")
    (root / "data" / "a").write_text("x")
    (root / "late.nix").write_text("1")
    write_flake(root, random.Random(1))
    for folder in (tmp_path / "input", root):
        git(folder, "init", "-q", ".")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "first")
    return root


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_of_an_evaluation(flake: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    cache, store = tmp_path / "cache", tmp_path / "store"
    settings = ""
    for _ in range(STEPS):
        if chance.random() < 0.5:
            change(flake, chance)
        if chance.random() < 0.2:
            settings = chance.choice(SETTINGS)
        if chance.random() < 0.05:
            subprocess.run(["chmod", "-R", "u+w", store], check=False, capture_output=True)
            shutil.rmtree(store, ignore_errors=True)
        words = chance.choice(COMMANDS)
        fresh = call((*words, "--no-eval-cache", "--no-write-lock-file"), flake, tmp_path / "fresh-cache", tmp_path / "fresh-store", settings)
        for _ in range(2):
            assert call((*words, "--no-write-lock-file"), flake, cache, store, settings) == fresh, words
        path = fresh[1].decode(errors="replace")
        if words[-1] == ".#p.drvPath" and fresh[0] == 0:
            assert os.path.lexists(f"{store}{path}")
    assert kept_in(cache), "nothing was ever kept"


def test_what_is_known_is_not_evaluated(flake: Path, tmp_path: Path) -> None:
    """A known answer is used although an evaluation would have another one: the test put it there by hand."""
    (flake / "flake.nix").write_text('{ outputs = _: { a = "evaluated"; }; }')
    cache = tmp_path / "cache"
    assert call(("eval", "--raw", ".#a"), flake, cache, tmp_path / "store")[1] == b"evaluated"
    (path,) = kept_in(cache)
    facts = json.loads(unpacked(path.read_bytes()))
    facts[1] = "known"
    path.write_bytes(packed(json.dumps(facts)))
    assert call(("eval", "--raw", ".#a"), flake, cache, tmp_path / "store")[1] == b"known"
    for words in (("--no-eval-cache",), ("--option", "eval-cache", "false"), ("--impure",), ("-v",)):
        assert call(("eval", "--raw", ".#a", *words), flake, cache, tmp_path / "store")[1] == b"evaluated", words
    assert call(("eval", "--raw", ".#a"), flake, cache, tmp_path / "store")[1] == b"known"
    assert call(("eval", "--raw", ".#a", "--refresh"), flake, cache, tmp_path / "store")[1] == b"evaluated"
    assert call(("eval", "--raw", ".#a"), flake, cache, tmp_path / "store")[1] == b"evaluated"


def test_failures_are_evaluated_again(flake: Path, tmp_path: Path) -> None:
    (flake / "flake.nix").write_text('{ outputs = _: { deep = let f = n: if n == 0 then 7 else f (n - 1) + 0; in f 200; bad = throw "breaks"; }; }')
    cache, store = tmp_path / "cache", tmp_path / "store"
    for _ in range(2):
        code, _, said = call(("eval", ".#bad"), flake, cache, store)
        assert code == 1 and b"error: breaks" in said
    code, _, said = call(("eval", "--max-call-depth", "50", ".#deep"), flake, cache, store)
    assert code == 1 and b"max-call-depth exceeded" in said
    assert call(("eval", ".#deep"), flake, cache, store)[:2] == (0, b"7\n")
    code, _, said = call(("eval", "--max-call-depth", "50", ".#deep"), flake, cache, store)
    assert code == 1 and b"max-call-depth exceeded" in said


@pytest.mark.parametrize("size", (0, 1, 20, 100))
def test_a_damaged_answer_is_replaced(flake: Path, tmp_path: Path, size: int) -> None:
    cache, store = tmp_path / "cache", tmp_path / "store"
    fresh = call((*SHOW, "--no-eval-cache"), flake, cache, store)
    for noise in (b"\0", b"x", os.urandom(64)):
        call(SHOW, flake, cache, store)
        for path in kept_in(cache):
            data = bytearray(path.read_bytes())
            data[size : size + len(noise)] = noise
            path.write_bytes(data if size else noise)
        assert call(SHOW, flake, cache, store) == fresh
        assert call(SHOW, flake, cache, store) == fresh


def test_a_kill_leaves_the_cache_whole(flake: Path, tmp_path: Path) -> None:
    """Commands are killed at any moment, several at once; the next command has the right answer."""
    cache, store = tmp_path / "cache", tmp_path / "store"
    call(("flake", "lock"), flake, cache, store)
    fresh = call(("eval", "--json", ".#names", "--no-eval-cache"), flake, cache, store)
    chance = random.Random(5)
    with open(os.devnull, "wb") as nothing:
        for number in range(15):
            words = ("eval", "--json", ".#names", "--option", "system", f"s{number % 9}")
            children = [start(words, flake, cache, store, "", (nothing.fileno(), nothing.fileno())) for _ in range(2)]
            time.sleep(chance.random() * 0.15)
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            assert call(("eval", "--json", ".#names"), flake, cache, store) == fresh
    for path in kept_in(cache):
        json.loads(unpacked(path.read_bytes()))


def test_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    # There is room for ten small files in each of sixteen folders.
    answers = AnswerFiles(str(tmp_path), 16 * 10 * 4096)
    keys = [bytes([1, number]) for number in range(11)]
    for number, key in enumerate(keys):
        answers.keep(key, f"{number}")
        os.utime(answers._place(key), (number, number))
        if number == 9:
            # This answer is used now, which makes it younger than the others.
            assert answers.find(keys[0]) == "0"
    left = [number for number, key in enumerate(keys) if answers.find(key) is not None]
    assert left == [0, 7, 8, 9, 10]


@pytest.mark.parametrize("edit", (None, '{ outputs = _: { a = 2; }; }'))
def test_what_was_edited_meanwhile_is_not_kept(flake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str | None) -> None:
    from snowsnake.cli.nix.command_line import read
    from snowsnake.cli.nix.evaluate import open_output
    from snowsnake.cli.output import Reporter

    monkeypatch.chdir(flake)
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    (flake / "flake.nix").write_text("{ outputs = _: { a = 1; }; }")
    words = ["eval", ".#a", "--option", "experimental-features", "nix-command flakes"]
    session, output = open_output(read(words, Reporter()), ".#a")
    assert output.known(["x"]) is None
    output.value().force()
    if edit is not None:
        (flake / "flake.nix").write_text(edit)
    output.keep(["x"], 1)
    settle(session.answers)
    (flake / "flake.nix").write_text("{ outputs = _: { a = 1; }; }")
    assert open_output(read(words, Reporter()), ".#a")[1].known(["x"]) == (1 if edit is None else None)


def test_a_folder_is_hashed_once_more_for_all_words_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SNOWSNAKE_CACHE_DIR": "cache", "XDG_CACHE_HOME": "cache", "HOME": "home", "NIX_REMOTE": "store"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("NIX_CONFIG", "experimental-features = nix-command flakes\nflake-registry =")
    folder = tmp_path / "flake"
    folder.mkdir()
    names = ["a", "b"]
    outputs = " ".join(f'{name} = derivation {{ name = "{name}"; system = "x"; builder = "b"; x = ./{name}; }};' for name in names)
    (folder / "flake.nix").write_text(f"{{ outputs = _: {{ {outputs} }}; }}")
    for name in names:
        (folder / name).write_text(name)
    hashed = []
    real = tree_hash.hash_of
    monkeypatch.setattr(tree_hash, "hash_of", lambda tree, *rest: hashed.append(tree.disk_path(b"")) or real(tree, *rest))
    for _ in range(3):
        assert main(["path-info", "--derivation", *(f"path:{folder}#{name}" for name in names)]) == 0
    # The folder is hashed before and after an evaluation; the second time also for the last question, which depends on the earlier ones.  The third time,
    # all answers are there.
    assert hashed == [os.fsencode(folder)] * 5
