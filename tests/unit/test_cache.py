"""The cache of compiled files: when a file is found again, which changes are noticed, and which damage is survived."""

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snowsnake import api
from snowsnake.cache.inspection import Inspection, checksum
from snowsnake.cache.location import default_folder
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

HEADER_BYTES, HEAD_BYTES = 4096, 120
PACK_MAGIC, ENTRY_MAGIC = 0x6B6361702D6E7301, 0x7972746E652D6E73
MIB = 1 << 20
# Constants of every kind, so that every part of an image is used.
MAIN = """{ name ? "x", ... }@args:
let
  other = import ./other.nix;
  numbers = [ 1 (-2) 9007199254740993 1.5 ];
in {
  inherit numbers name;
  path = baseNameOf ./some/path;
  sum = builtins.foldl' (a: b: a + b) 0 (map (x: x.n) (other 4));
  place = builtins.unsafeGetAttrPos "deep" { deep.er = 1; };
  here = __curPos.line;
  formals = builtins.functionArgs ({ a, b ? 1 }: a);
  text = "${name}-${toString (args ? other)}";
}
"""
OTHER = "n: builtins.genList (i: { n = i * 2; }) n\n"
BROKEN = "x: let\n  f = y: y.missing;\nin f { } + x\n"


class Tree:
    """A folder of Nix files and a cache for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "src"
        self.folder.mkdir()
        self.cache = folder / "cache"
        self.write("main.nix", MAIN)
        self.write("other.nix", OTHER)
        self.write("broken.nix", BROKEN)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    @property
    def pack(self) -> Path:
        return self.cache / "compiled-1.pack"

    def machine(self, **options) -> Interpreter:
        return Interpreter(cache=os.fsencode(self.cache), **options)

    def outcome(self, machine: Interpreter) -> list[str]:
        """The value of one file, and the report of the error in another."""
        value = machine.evaluate_file(str(self.folder / "main.nix")).call(machine.from_python({}))
        found = [value.to_nix(strict=True).decode()]
        with pytest.raises(EvaluationError) as caught:
            machine.evaluate_file(str(self.folder / "broken.nix")).call(machine.from_python(1))
        return [*found, caught.value.render(show_trace=True)]

    def counts(self, machine: Interpreter) -> tuple[int, int]:
        """How many files came out of the cache, and how many went into it."""
        numbers = machine.statistics()
        return numbers["files_from_cache"], numbers["files_to_cache"]

    def run(self, **options) -> tuple[list[str], tuple[int, int]]:
        machine = self.machine(**options)
        return self.outcome(machine), self.counts(machine)


@pytest.fixture
def tree(tmp_path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> Tree:
    """Files that are old enough for their stamps to be believed, and a cache that knows them."""
    tree = Tree(tmp_path_factory.mktemp("settled"))
    tree.write("large.nix", '"' + "x" * 500_000 + '"')
    time.sleep(2.1)
    tree.run()
    tree.machine().evaluate_file(str(tree.folder / "large.nix"))
    return tree


def test_the_checksum_is_xxh64():
    """Values of the algorithm's reference implementation."""
    assert checksum(b"") == 0xEF46DB3751D8E999
    assert checksum(b"a") == 0xD24EC4F1A98C6E5B
    assert checksum(b"abc") == 0x44BC2CF5AD770999
    assert checksum(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1


def test_a_second_evaluator_finds_everything(tree):
    fresh = tree.outcome(Interpreter())
    assert tree.run() == (fresh, (0, 3))
    assert tree.run() == (fresh, (3, 0))
    assert tree.run(cache_by_content=True) == (fresh, (3, 0))
    assert tree.run(level=0)[1] == (0, 3), "another level is another image"
    assert tree.run(features=("pipe-operators",))[1] == (0, 3)
    assert tree.run() == (fresh, (3, 0))


def characters_read() -> int:
    text = Path("/proc/self/io").read_text()
    return int(text.split("rchar: ")[1].split()[0])


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="the system does not count what is read")
def test_a_hit_reads_nothing(settled):
    large = str(settled.folder / "large.nix")
    for options, is_read in (({}, False), ({"cache_by_content": True}, True)):
        machine = settled.machine(**options)
        before = characters_read()
        assert len(machine.evaluate_file(large).string()) == 500_000
        assert (characters_read() - before >= 500_000) == is_read
        assert settled.counts(machine) == (1, 0)


def test_a_touched_file_is_known_by_its_content_and_then_by_its_stamp(tree):
    tree.run()
    time.sleep(2.1)
    os.utime(tree.folder / "main.nix", (1, 1))
    time.sleep(2.1)
    before = tree.pack.read_bytes()
    assert tree.run()[1] == (3, 0)
    after = tree.pack.read_bytes()
    assert len(before) == len(after) and before != after, "the entry has its new stamp"
    assert tree.run()[1] == (3, 0)
    assert tree.pack.read_bytes() == after


def test_a_change_is_seen_however_quick(tmp_path):
    """A stamp that is too young is not believed, because another change may have the same size and time."""
    path, cache = tmp_path / "x.nix", os.fsencode(tmp_path / "cache")
    for number in range(60):
        path.write_text(str(100 + number))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert Interpreter(cache=cache).evaluate_file(str(path)).to_python() == 100 + number


def test_a_replaced_file_is_seen(settled, tmp_path):
    """The other file has the same size and time of change; its inode and its time of status change differ."""
    path = settled.write("replaced.nix", "[ 1 ]")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    time.sleep(2.1)
    for _ in range(2):
        assert settled.machine().evaluate_file(str(path)).to_python() == [1]
    other = settled.write("new.nix", "[ 2 ]")
    os.utime(other, (1_000_000_000, 1_000_000_000))
    os.rename(other, path)
    assert settled.machine().evaluate_file(str(path)).to_python() == [2]


def test_files_read_are_listed_on_hits(tree):
    machines = [Interpreter(), tree.machine(), tree.machine()]
    for machine in machines:
        tree.outcome(machine)
    assert machines[0].records() == machines[1].records() == machines[2].records()
    assert tree.counts(machines[2]) == (3, 0)


def test_policies_hold_on_hits(tree):
    tree.run()
    for policy in ({"pure": True}, {"restricted": True}):
        # Pure evaluation has fewer global names, and therefore other images.
        tree.outcome(tree.machine(allowed_paths=[str(tree.folder)], **policy))
        machine = tree.machine(allowed_paths=[str(tree.folder)], **policy)
        assert tree.outcome(machine) == tree.outcome(Interpreter()) and tree.counts(machine) == (3, 0)
        with pytest.raises(EvaluationError, match="access to absolute path"):
            tree.machine(**policy).evaluate_file(str(tree.folder / "other.nix"))


def test_a_source_that_is_gone_has_no_excerpts_but_values(settled):
    path = settled.write("gone.nix", "{ a = 1; }")
    settled.machine().evaluate_file(str(path))
    machine = settled.machine()
    handle = machine.evaluate_file(str(path))
    path.unlink()
    assert handle.to_python() == {"a": 1}


def test_what_does_not_compile_is_not_kept(tree):
    path = tree.write("bad.nix", "{ a = ; }")
    reports = []
    for _ in range(2):
        machine = tree.machine()
        with pytest.raises(EvaluationError) as caught:
            machine.evaluate_file(str(path))
        reports.append(caught.value.render())
        assert tree.counts(machine) == (0, 0)
    assert reports[0] == reports[1]


def test_scoped_imports_are_compiled_for_their_scope(tree):
    tree.write("scoped.nix", "a + 1")
    for value in (1, 2):
        machine = tree.machine()
        source = f"builtins.scopedImport {{ a = {value}; }} ./scoped.nix".encode()
        assert machine.evaluate(source, str(tree.folder)).to_python() == value + 1


# ---- damage -----------------------------------------------------------------------------------------------------


def compact(pack: bytes, slot_count: int) -> tuple[bytes, int]:
    """The same entries behind a small index, so that every byte can be damaged; and where the entries start."""
    entries_at = HEADER_BYTES + _aligned(10 * struct.unpack_from("<Q", pack, 16)[0], HEADER_BYTES)
    start = HEADER_BYTES + _aligned(10 * slot_count, HEADER_BYTES)
    header = struct.pack("<3Q", PACK_MAGIC, 1, slot_count)
    slots = [0] * slot_count
    at = entries_at
    while at < len(pack):
        key = struct.unpack_from("<Q", pack, at + 24)[0]
        place = key & (slot_count - 1)
        while slots[place]:
            place = (place + 1) & (slot_count - 1)
        slots[place] = (key >> 40 << 40) | ((at - entries_at + start) // 64)
        at += entry_bytes(pack, at)
    index = struct.pack(f"<{slot_count}Q", *slots)
    front = (header + struct.pack("<Q", checksum(header, PACK_MAGIC))).ljust(HEADER_BYTES, b"\0") + index
    return front.ljust(start, b"\0") + pack[entries_at:], start


def _aligned(x: int, to: int) -> int:
    return -(-x // to) * to


def entry_bytes(pack: bytes, at: int) -> int:
    path, chunks, texts, image = struct.unpack_from("<4I", pack, at + 96)
    return _aligned(HEAD_BYTES + 4 * (chunks + texts) + image + 16 + path, 64)


@pytest.fixture(scope="module")
def whole(settled) -> tuple[bytes, int, list[str]]:
    """A small pack of a settled tree without its large file, where its entries start, and the outcome."""
    other = Tree.__new__(Tree)
    other.folder, other.cache = settled.folder, settled.cache.parent / "small"
    outcome, counts = other.run()
    assert counts == (0, 3)
    pack, start = compact(other.pack.read_bytes(), 16)
    other.pack.write_bytes(pack)
    assert other.run() == (outcome, (3, 0)), "the small pack is as good as the one it is made of"
    return other.pack.read_bytes(), start, outcome


@pytest.fixture
def victim(settled, tmp_path) -> Tree:
    other = Tree.__new__(Tree)
    other.folder, other.cache = settled.folder, tmp_path / "cache"
    other.cache.mkdir()
    return other


def store_pack(victim: Tree, data: bytes) -> None:
    victim.pack.write_bytes(data)
    victim.pack.chmod(0o600)


def test_every_byte_that_is_flipped_is_noticed(whole, victim):
    """A damaged entry, and no other, is not used; after damage of the index, at most one entry is not found."""
    pack, start, outcome = whole
    days = HEADER_BYTES + 16 * 8
    for at in [*range(HEADER_BYTES, days + 16 * 2), *range(start, len(pack))]:
        damaged = bytearray(pack)
        damaged[at] ^= (0xFF, 0x01, 0x80)[at % 3]
        store_pack(victim, damaged)
        found, (hits, written) = victim.run()
        assert found == outcome, at
        assert hits + written == 3, at
        if at >= start:
            assert (hits, written) == (2, 1), at
        elif at >= days:
            assert hits == 3, at
    assert victim.run() == (outcome, (3, 0)), "what was damaged has been written again"


def test_a_damaged_header_is_no_header(whole, victim):
    pack, _, outcome = whole
    for at in range(32):
        damaged = bytearray(pack)
        damaged[at] ^= 0x10
        store_pack(victim, damaged)
        assert victim.run() == (outcome, (0, 3)), at
        assert victim.run() == (outcome, (3, 0)), at


def test_a_truncated_pack_is_made_again(whole, victim):
    pack, start, outcome = whole
    for size in [0, 1, 31, 32, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 100, *range(start - 1, len(pack), 61)]:
        store_pack(victim, pack[:size])
        found, (hits, written) = victim.run()
        assert found == outcome and hits + written == 3, size
        assert victim.run() == (outcome, (3, 0)), size


@pytest.mark.parametrize("name", ["noise", "text", "zeros", "other-format", "full-index"])
def test_a_foreign_file_in_the_place_of_the_pack_is_replaced(name, whole, victim):
    pack, start, outcome = whole
    header = struct.pack("<3Q", PACK_MAGIC, 2, 16)
    data = {
        "noise": b"".join(struct.pack("<Q", checksum(bytes([i % 256]), i)) for i in range(5000)),
        "text": b"hello\n" * 3000,
        "zeros": bytes(200_000),
        "other-format": header + struct.pack("<Q", checksum(header, PACK_MAGIC)) + pack[32:],
        "full-index": pack[:HEADER_BYTES] + b"\xff" * 128 + pack[HEADER_BYTES + 128 :],
    }[name]
    store_pack(victim, data)
    found, (hits, _) = victim.run()
    assert found == outcome and hits == 0
    assert victim.run()[0] == outcome


def test_entries_of_another_compiler_are_not_used(whole, victim):
    pack, start, outcome = whole
    # The numbers of the fields that hold the compiler and its settings.
    for field in (4, 5):
        changed = bytearray(pack)
        at = start
        while at < len(pack):
            changed[at + 8 * field] ^= 1
            changed[at + 8 : at + 16] = struct.pack("<Q", checksum(bytes(changed[at + 16 : at + HEAD_BYTES]), ENTRY_MAGIC))
            at += entry_bytes(pack, at)
        store_pack(victim, changed)
        assert victim.run() == (outcome, (0, 3))


def test_a_pack_that_others_may_write_is_not_used(whole, victim):
    pack, _, outcome = whole
    store_pack(victim, pack)
    victim.pack.chmod(0o666)
    assert victim.run() == (outcome, (0, 3))
    assert victim.run() == (outcome, (3, 0)), "it was replaced by one of ours"
    assert victim.pack.stat().st_mode & 0o777 == 0o600


def test_a_link_or_folder_in_the_place_of_the_pack_is_left_alone(whole, victim, tmp_path):
    _, _, outcome = whole
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious")
    victim.pack.symlink_to(elsewhere)
    assert victim.run()[0] == outcome
    assert elsewhere.read_text() == "precious"
    victim.pack.unlink()
    victim.pack.mkdir()
    assert victim.run() == (outcome, (0, 0)), "a folder stays"


# ---- many, and much ----------------------------------------------------------------------------------------------


PROCESS = """
import os, sys
from snowsnake.interpreter import Interpreter
for turn in range(4):
    machine = Interpreter(cache=os.fsencode(sys.argv[1]), cache_limit_bytes=int(sys.argv[2]))
    got = machine.evaluate(b"map (n: import (./. + \\"/${toString n}.nix\\")) (builtins.genList (n: n) 60)", sys.argv[3])
    assert [item % 1000 for item in got.to_python()] == list(range(60)), got
"""


def test_several_processes_share_a_pack(tmp_path):
    """Each process reads right values while all write and replace the pack, and the last pack is whole."""
    folder = tmp_path / "src"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.nix").write_text(f'builtins.stringLength "{"x" * 40_000}" * 1000 + {number}')
    words = [sys.executable, "-c", PROCESS, str(tmp_path / "cache"), str(4 * MIB), str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    running = [subprocess.Popen(words, env=environment, stderr=subprocess.PIPE) for _ in range(4)]
    if len(running) > 1:
        Inspection(os.fsencode(tmp_path / "cache"), 4 * MIB).clear()
    for process in running:
        assert process.wait(100) == 0, process.stderr.read().decode()
        process.stderr.close()
    inspection = Inspection(os.fsencode(tmp_path / "cache"), 4 * MIB)
    entries = list(inspection.entries())
    assert entries and all(entry[4] for entry in entries)
    assert inspection.size_bytes() <= 4 * MIB


@pytest.mark.parametrize("has_pack", (True, False))
def test_workers_find_what_others_write_meanwhile(tree, has_pack):
    """Two workers of one run begin with the same pack, or with none; what one of them writes later is not compiled by the other."""
    tree.write("first.nix", "1")
    tree.write("second.nix", "2")
    if has_pack:
        tree.machine().evaluate_file(str(tree.folder / "first.nix"))
    one, other = tree.machine(), tree.machine()
    for worker in (one, other):
        worker.gather_cache()
        worker.evaluate_file(str(tree.folder / ("first.nix" if has_pack else "second.nix")))
    if not has_pack:
        other.flush_cache()
    values = tree.outcome(one)
    one.flush_cache()
    assert tree.counts(one) == ((1, 3) if has_pack else (0, 3))
    assert tree.outcome(other) == values == tree.outcome(Interpreter())
    other.flush_cache()
    assert tree.counts(other) == ((4, 0) if has_pack else (3, 1))


def test_the_limit_holds_and_what_is_used_stays(tmp_path):
    folder, cache = tmp_path / "src", os.fsencode(tmp_path / "cache")
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.nix").write_text(f'builtins.stringLength "{"x" * 300_000}" + {number}')
    used = str(folder / "0.nix")
    for number in range(30):
        machine = Interpreter(cache=cache, cache_limit_bytes=4 * MIB)
        assert machine.evaluate_file(str(folder / f"{number}.nix")).to_python() == 300_000 + number
        assert (tmp_path / "cache" / "compiled-1.pack").stat().st_size <= 4 * MIB
    machine = Interpreter(cache=cache, cache_limit_bytes=4 * MIB)
    assert machine.evaluate_file(str(folder / "29.nix")).to_python() == 300_029
    assert machine.evaluate_file(used).to_python() == 300_000
    assert machine.statistics()["files_from_cache"] == 1, "the newest is there, the oldest was evicted"


def test_days_decide_what_is_evicted(tmp_path):
    """The entries that were not used for longest are removed first, wherever they are in the pack; of the same day, the oldest entry."""
    cache = tmp_path / "cache"

    def evaluate(number: int) -> None:
        path = tmp_path / f"{number}.nix"
        path.write_text(f'"{"x" * 400_000}{number}"')
        Interpreter(cache=os.fsencode(cache), cache_limit_bytes=4 * MIB).evaluate_file(str(path))

    for number in range(8):
        evaluate(number)
    pack = bytearray((cache / "compiled-1.pack").read_bytes())
    slot_count = struct.unpack_from("<Q", pack, 16)[0]
    for place, slot in enumerate(struct.unpack_from(f"<{slot_count}Q", pack, HEADER_BYTES)):
        if slot:
            at = (slot & ((1 << 40) - 1)) * 64
            number = int(pack[pack.index(b".nix", at + 300_000) - 1 : pack.index(b".nix", at + 300_000)])
            days_ago = {2: 0, 7: 60}.get(number, 30)
            day = (int(time.time() // 86400) - days_ago) & 0xFFFF
            struct.pack_into("<H", pack, HEADER_BYTES + 8 * slot_count + 2 * place, day)
    (cache / "compiled-1.pack").write_bytes(pack)
    evaluate(8)
    kept = sorted(os.path.basename(path) for path, *_ in Inspection(os.fsencode(cache), 4 * MIB).entries())
    assert kept == [b"2.nix", b"3.nix", b"4.nix", b"5.nix", b"6.nix", b"8.nix"]


# ---- commands and the library ---------------------------------------------------------------------------------------


def test_commands_use_fill_and_clear_the_cache(run_command, tmp_path):
    (tmp_path / "a.nix").write_text("{ b = import ./b.nix; }")
    (tmp_path / "b.nix").write_text("[ 1 2 ]")
    words = ["eval", "--strict", "--json", "a.nix", "--stats", "--cache-dir", "c"]

    def counts(*more: str, **environment: str) -> tuple[int, int]:
        done = run_command("main", *words, *more, **environment)
        assert (done.returncode, done.stdout) == (0, b'{"b":[1,2]}\n'), done.stderr
        numbers = json.loads(done.stderr)
        files = numbers["caches"]["compiledFiles"]
        return files["hits"], files["written"]

    assert counts("--no-cache") == (0, 0) and not (tmp_path / "c").exists()
    assert counts() == (0, 2)
    assert counts() == (2, 0)
    assert counts("--cache-validate", "hash") == (2, 0)
    assert counts("--cache-validate=hash", "--no-cache") == (0, 0)
    stats = run_command("main", "cache", "stats", "--json", "--cache-dir", "c")
    facts = json.loads(stats.stdout)
    assert facts["files"] == facts["files_of_this_compiler"] == facts["files_used_today"] == 2
    assert facts["folder"] == str(tmp_path / "c")
    assert b"pack bytes" in run_command("main", "cache", "stats", "--cache-dir", "c").stdout
    assert run_command("main", "cache", "verify", "--cache-dir", "c").stdout == b"2 compiled files, no faults\n"
    pack = tmp_path / "c" / "compiled-1.pack"
    data = bytearray(pack.read_bytes())
    data[-100] ^= 1
    pack.write_bytes(data)
    verified = run_command("main", "cache", "verify", "--cache-dir", "c")
    assert verified.returncode == 1 and b"1 of 2 compiled files are damaged" in verified.stderr
    pack.write_bytes(b"something else")
    verified = run_command("main", "cache", "verify", "--cache-dir", "c")
    assert verified.returncode == 1 and b"not written by Snowsnake" in verified.stderr
    assert run_command("main", "cache", "clear", "--cache-dir", "c").returncode == 0
    assert not pack.exists()
    assert run_command("main", "cache", "clear", "--cache-dir", "c").returncode == 0


def test_wrong_words_of_the_cache_commands_are_clear_errors(run_command):
    for words in (["cache"], ["cache", "shrink"], ["cache", "stats", "more"], ["eval", "-E", "1", "--cache-validate", "x"]):
        done = run_command("main", *words)
        assert done.returncode == 1 and b"error: " in done.stderr and b"Traceback" not in done.stderr
    done = run_command("main", "cache", "stats", SNOWSNAKE_NO_CACHE="1")
    assert done.returncode == 1 and b"there is no cache" in done.stderr
    assert run_command("instantiate", "--eval", "-E", "1", "--cache-validate", "x").returncode == 1


def test_the_drop_in_keeps_files_too(run_command, tmp_path):
    (tmp_path / "a.nix").write_text("1 + 1")
    folder = tmp_path / "xdg" / "snowsnake"
    environment = {"SNOWSNAKE_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    for words in (["--no-cache"], []):
        done = run_command("instantiate", "--eval", "a.nix", *words, **environment)
        assert (done.stdout, done.stderr) == (b"2\n", b"")
        assert folder.exists() == (not words)
    assert run_command("main", "cache", "verify", **environment).stdout == b"1 compiled files, no faults\n"


@pytest.mark.parametrize("home", ["nonexistent", "/dev/null", ""])
def test_a_missing_home_keeps_nothing(home, run_command, tmp_path):
    (tmp_path / "a.nix").write_text("1 + 1")
    done = run_command("main", "eval", "a.nix", SNOWSNAKE_CACHE_DIR="", HOME=home and os.path.join(tmp_path, home))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2\n", b"")
    assert os.listdir(tmp_path) == ["a.nix"]


def test_evaluations_go_on_where_nothing_can_be_kept(run_command, tmp_path):
    (tmp_path / "a.nix").write_text("1 + 1")
    (tmp_path / "file").write_text("")
    deep = tmp_path / "x" / "y" / "z"
    for folder in ("/proc/nowhere", str(tmp_path / "file"), str(deep), "/dev/null/x"):
        done = run_command("main", "eval", "a.nix", "--cache-dir", folder)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"2\n", b"")
    assert not deep.parent.parent.exists(), "one missing folder above it is made, not more"


def test_the_library_keeps_nothing_unless_asked(tmp_path, monkeypatch):
    (tmp_path / "a.nix").write_text("1 + 1")
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "default"))
    assert api.Evaluator().evaluate_file(tmp_path / "a.nix").to_python() == 2
    assert not (tmp_path / "default").exists()
    for cache, folder in ((tmp_path / "own", tmp_path / "own"), (True, tmp_path / "default")):
        for expected in (0, 1):
            nix = api.Evaluator(cache=cache, cache_validate="hash")
            assert nix.evaluate_file(tmp_path / "a.nix").to_python() == 2
            assert nix.statistics()["files_from_cache"] == expected
        assert (folder / "compiled-1.pack").exists()
    with pytest.raises(ValueError, match="cache_validate"):
        api.Evaluator(cache=True, cache_validate="no")


def test_the_identity_of_the_compiler_is_that_of_its_code(tmp_path):
    """The identity is the same in every process, and differs for a copy of the package with another build id."""
    package = Path(api.__file__).parent
    code = "from snowsnake.cache.inspection import Inspection; print(Inspection(b'/nonexistent', 0).compiler())"
    shutil.copytree(package, tmp_path / "snowsnake", ignore=shutil.ignore_patterns("*.pyx", "*.pxd", "*.pxi", "*.c"))

    def identity(folder: Path, *imports: str) -> bytes:
        words = [sys.executable, "-c", "".join(f"import {name}\n" for name in imports) + code]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        return subprocess.run(words, env=environment, capture_output=True, check=True).stdout

    usual = identity(package.parent, "snowsnake.interpreter")
    assert identity(package.parent, "snowsnake.cli.instantiate", "snowsnake.syntax.api") == usual
    assert identity(tmp_path) == usual
    shared = next((tmp_path / "snowsnake").glob("_native.*"))
    data = bytearray(shared.read_bytes())
    # A note has sizes, the kind 3, "GNU", and the build id.
    data[data.index(b"GNU\0", data.index(struct.pack("<3I", 4, 20, 3))) + 4] ^= 1
    shared.write_bytes(data)
    assert identity(tmp_path) != usual


def test_the_default_folder_is_in_the_users_cache():
    assert default_folder({}) is None
    assert default_folder({"HOME": "relative"}) is None
    assert default_folder({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == "/h/.cache/snowsnake"
    assert default_folder({"SNOWSNAKE_CACHE_DIR": "/c", "HOME": "/h"}) == "/c"
