"""Evaluations with an embedded store (`--store DIR`): the objects that they put into the logical store are written, and can be read."""

import fcntl
import hashlib
import json
import logging
import os
import stat
import subprocess
import sys

import pytest

import snowsnake
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.store import Hash, LocalStore
from snowsnake.store.garbage import Collector

DERIVATION = 'derivation { name = "x"; system = "s"; builder = "b"; }'


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def nix(root):
    evaluator = snowsnake.Evaluator(store=root)

    def run(source, **options):
        return evaluator.evaluate(source, **options).to_python()

    run.evaluator = evaluator
    return run


def on_disk(root, path):
    return root / path.removeprefix("/")


def stored(root):
    with LocalStore(root, read_only=True) as store:
        assert store.verify() == []
        return {path: store.info(path) for path in store.paths()}


def test_texts_can_be_read_and_imported(nix, root):
    assert nix('let f = builtins.toFile "t" "1 + 1"; in [ (builtins.readFile f) (import f) (builtins.pathExists f) ]') == ["1 + 1", 2, True]
    text = nix('builtins.toFile "t" "1 + 1"')
    file = on_disk(root, text)
    assert file.read_text() == "1 + 1"
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_mtime) == (0o444, 1)
    assert nix('builtins.readFileType (builtins.toFile "t" "1 + 1")') == "regular"
    assert nix('builtins.hashFile "sha256" (builtins.toFile "t" "1 + 1")') == hashlib.sha256(b"1 + 1").hexdigest()


def test_copied_paths_can_be_read_and_imported(nix, root, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "default.nix").write_text("import ./sub/x.nix")
    (tree / "sub").mkdir()
    (tree / "sub" / "x.nix").write_text('{ y = builtins.readFile ./y; here = toString ./.; }')
    (tree / "sub" / "y").write_text("text of y")
    (tree / "run").write_text("#!")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("sub/y")
    path = nix('"${./tree}"', base_path=tmp_path)
    assert nix('(import "${./tree}").y', base_path=tmp_path) == "text of y"
    assert nix('(import "${./tree}").here', base_path=tmp_path) == path + "/sub"
    assert nix('builtins.readFile "${./tree}/link"', base_path=tmp_path) == "text of y"
    assert nix('builtins.readDir "${./tree}"', base_path=tmp_path) == {
        "default.nix": "regular", "link": "symlink", "run": "regular", "sub": "directory",
    }
    copy = on_disk(root, path)
    modes = {name: stat.S_IMODE((copy / name).lstat().st_mode) for name in ("", "sub", "sub/y", "run")}
    assert modes == {"": 0o555, "sub": 0o555, "sub/y": 0o444, "run": 0o555}
    assert {(copy / name).lstat().st_mtime for name in ("", "sub", "sub/y", "run", "link")} == {1}
    assert os.readlink(copy / "link") == "sub/y"
    assert stored(root)[path].nar_hash == "sha256:" + Hash.of_path(tree).base16


def test_a_part_of_a_copy_is_written_to_the_store(nix, root, tmp_path):
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "x").write_text("x")
    inner = nix('let tree = "${./tree}"; in builtins.path { path = tree + "/sub"; name = "inner"; }', base_path=tmp_path)
    nix.evaluator.flush()
    assert (on_disk(root, inner) / "x").read_text() == "x"
    assert inner in stored(root)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("builtins.filterSource (p: t: baseNameOf p != \"b\") ./tree", {"a", "c"}),
        ("builtins.path { path = ./tree; filter = p: t: t == \"directory\"; name = \"n\"; }", {"c"}),
        ("builtins.path { path = ./tree; }", {"a", "b", "c"}),
    ],
)
def test_filters_leave_files_out_of_the_store(nix, root, tmp_path, source, kept):
    (tmp_path / "tree" / "c").mkdir(parents=True)
    (tmp_path / "tree" / "a").write_text("a")
    (tmp_path / "tree" / "b").write_text("b")
    path = nix(source, base_path=tmp_path)
    nix.evaluator.flush()
    assert set(os.listdir(on_disk(root, path))) == kept
    assert stored(root)[path].ca.startswith("fixed:r:sha256:")


def test_flat_files_are_added_without_their_mode(nix, root, tmp_path):
    (tmp_path / "f").write_text("contents")
    (tmp_path / "f").chmod(0o755)
    path = nix("builtins.path { path = ./f; recursive = false; }", base_path=tmp_path)
    fetched = nix(f'builtins.fetchurl "file://{tmp_path}/f"')
    assert path == fetched and nix(f'builtins.readFile "{path}"') == "contents"
    nix.evaluator.flush()
    assert stat.S_IMODE(on_disk(root, path).stat().st_mode) == 0o444
    assert stored(root)[path].ca.startswith("fixed:sha256:")


def test_a_stated_hash_needs_no_copy_when_it_is_there(nix, root, tmp_path):
    (tmp_path / "f").write_text("contents")
    digest = Hash.of_path(tmp_path / "f").sri
    source = f'builtins.path {{ path = ./f; sha256 = "{digest}"; }}'
    path = nix(source, base_path=tmp_path)
    nix.evaluator.flush()
    (tmp_path / "f").write_text("changed")
    assert nix(source, base_path=tmp_path) == path
    with pytest.raises(EvaluationError, match="store path mismatch"):
        nix(source.replace("sha256 =", 'name = "other"; sha256 ='), base_path=tmp_path)


def test_derivations_are_written_with_their_references(nix, root):
    source = f'''let dep = {DERIVATION}; text = builtins.toFile "t" "1"; in
      derivation {{ name = "y"; system = "s"; builder = "${{dep}}/b"; args = [ text ]; outputs = [ "out" "dev" ]; }}'''
    paths = nix(f"let d = {source}; in {{ inherit (d) drvPath; out = d.out.outPath; dev = d.dev.outPath; x = ({DERIVATION}).drvPath; t = builtins.toFile \"t\" \"1\"; }}")
    nix.evaluator.flush()
    info = stored(root)[paths["drvPath"]]
    assert info.references == sorted([paths["x"], paths["t"]])
    assert info.outputs == {"out": paths["out"], "dev": paths["dev"]} and info.ca.startswith("text:sha256:")
    assert nix(f"builtins.readFile ({source}).drvPath").startswith("Derive([(\"dev\",")
    assert nix(f"(import ({source}).drvPath).name") == "y"


def test_paths_that_are_not_valid_are_refused(nix, root, tmp_path):
    gone = "/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-gone"
    for source in (
        f'builtins.storePath "{gone}"',
        f'({DERIVATION} // {{ }}) == (derivation {{ name = "x"; system = "s"; builder = builtins.appendContext "b" {{ "{gone}" = {{ path = true; }}; }}; }}).drvPath',
        f'builtins.toFile "t" (builtins.appendContext "b" {{ "{gone}" = {{ path = true; }}; }})',
    ):
        with pytest.raises(EvaluationError, match="is required, but there is no substituter that can build it"):
            nix(source)
    with pytest.raises(EvaluationError, match="cannot build .* during evaluation"):
        nix(f"builtins.readFile ({DERIVATION})")
    text = nix('builtins.toFile "t" ""')
    assert nix(f'builtins.storePath "{text}"') == text


def test_guarded_evaluation_copies_what_it_may_see(root, tmp_path):
    (tmp_path / "tree").mkdir()
    for name in ("seen", "hidden"):
        (tmp_path / "tree" / name).write_text(name)
    evaluator = snowsnake.Evaluator(store=root, restricted=True, allowed_paths=[tmp_path / "tree" / "seen"])
    path = evaluator.evaluate('"${./tree}"', base_path=tmp_path).to_python()
    assert evaluator.evaluate(f'builtins.attrNames (builtins.readDir "{path}")').to_python() == ["seen"]
    evaluator.flush()
    assert os.listdir(on_disk(root, path)) == ["seen"]
    assert path in stored(root)


def test_internal_files_are_copied(nix, root):
    path = nix('"${<nix/fetchurl.nix>}"')
    assert nix(f'builtins.isFunction (import "{path}")') is True
    assert path in stored(root)


@pytest.mark.parametrize("store", [True, False])
def test_errors_show_files_of_the_store(root, store):
    evaluator = snowsnake.Evaluator(store=root if store else None)
    with pytest.raises(EvaluationError) as caught:
        evaluator.evaluate(r'import (builtins.toFile "t.nix" "let x = 1;\nin x.y")').to_python()
    assert str(caught.value.position).endswith("-t.nix:2:4")
    assert "2| in x.y\n" in caught.value.render()


def test_a_store_that_cannot_be_written_is_a_clear_error(root, tmp_path, run_command):
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="writing to the store in .*file"):
        snowsnake.Evaluator(store=tmp_path / "file")
    LocalStore(root).close()
    (root / "nix/var/nix/db/db.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(EvaluationError, match="the store's database .*: file is not a database"):
        snowsnake.Evaluator(store=root)
    for words in (("instantiate", "-E", DERIVATION), ("store", "verify"), ("store", "ls")):
        done = run_command("main", *words, "--store", str(root))
        assert done.returncode == 1 and b"file is not a database" in done.stderr and b"Traceback" not in done.stderr


def test_instantiate_writes_before_it_prints(run_command, root):
    done = run_command("main", "instantiate", "-E", DERIVATION, "--store", str(root))
    assert done.returncode == 0, done.stderr
    path = done.stdout.decode().strip()
    assert list(stored(root)) == [path]
    facts = json.loads(run_command("main", "instantiate", "--json", "-E", DERIVATION, "--store", str(root)).stdout)
    assert facts[0]["drvPath"] == path
    assert run_command("main", "eval", "--raw", "-E", 'builtins.toFile "t" "x"', "--store", str(root)).returncode == 0
    assert len(stored(root)) == 2


def test_nix_instantiate_writes_in_read_write_mode_only(run_command, root):
    source = 'builtins.readFile (builtins.toFile "t" "x")'
    assert run_command("instantiate", "--eval", "-E", source, "--store", str(root)).returncode == 1
    assert not root.exists()
    words = ("--eval", "--read-write-mode", "-E", source, "--store", f"local?root={root}")
    assert run_command("instantiate", *words).stdout == b'"x"\n'
    assert run_command("instantiate", "--eval", "-E", source, "--store", str(root)).stdout == b'"x"\n'
    assert len(stored(root)) == 1


def test_add_root_makes_links_to_derivations(run_command, root, tmp_path):
    source = f"let d = {DERIVATION}; in {{ a = d; b = (d // {{ outputName = \"dev\"; }}); }}"
    words = ("-E", source, "--store", str(root), "--add-root", "link", "--indirect", "-A", "a", "-A", "b")
    done = run_command("instantiate", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{tmp_path}/link\n{tmp_path}/link-2!dev\n"
    [drv] = stored(root)
    assert os.readlink(tmp_path / "link") == os.readlink(tmp_path / "link-2") == drv
    roots = root / "nix/var/nix/gcroots/auto"
    assert {os.readlink(roots / name) for name in os.listdir(roots)} == {f"{tmp_path}/link", f"{tmp_path}/link-2"}
    assert Hash.of_bytes(f"{tmp_path}/link".encode(), "sha1").nix32 in os.listdir(roots)
    assert run_command("instantiate", *words).returncode == 0
    (tmp_path / "file").write_text("mine")
    done = run_command("instantiate", "-E", source, "-A", "a", "--store", str(root), "--add-root", "file")
    assert (done.returncode, done.stderr.decode()) == (1, f'error: cannot create symlink "{tmp_path}/file"; already exists\n')
    assert (tmp_path / "file").read_text() == "mine"
    # Nothing is written, so there is no link.
    done = run_command("instantiate", "-E", source, "-A", "a", "--add-root", "new")
    assert (done.stdout.decode().strip(), (tmp_path / "new").is_symlink()) == (drv, False)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("foo://x", "don't know how to open Nix store with scheme 'foo'"),
        ("rel", "Cannot parse Nix store 'rel'"),
    ],
)
def test_stores_that_cannot_be_used_are_refused(run_command, address, message):
    done = run_command("instantiate", "-E", DERIVATION, "--store", address)
    assert done.returncode == 1 and done.stderr.decode().startswith(f"error: {message}\n")


LARGE_BYTES = 300 << 20


@pytest.mark.bare
@pytest.mark.parametrize(
    "source",
    [
        'builtins.filterSource (p: t: baseNameOf p != "refused") ./tree',
        'builtins.path { path = ./tree; name = "n"; filter = p: t: baseNameOf p != "refused"; }',
        "builtins.path { path = ./tree/large; recursive = false; }",
    ],
)
def test_large_sources_are_not_held_in_memory(root, tmp_path, source):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "refused").write_text("refused")
    with open(tmp_path / "tree" / "large", "wb") as file:
        file.truncate(LARGE_BYTES)
    script = f"""
import re, snowsnake
nix = snowsnake.Evaluator(store={str(root)!r})
path = nix.evaluate({source!r}, base_path={str(tmp_path)!r}).to_python()
nix.flush()
again = snowsnake.Evaluator(store={str(root)!r}).evaluate({source!r}, base_path={str(tmp_path)!r}).to_python()
status = open("/proc/self/status").read()       # ru_maxrss would count the process that started this one, too
print(path, again == path, *re.findall("VmHWM: *([0-9]+)", status.replace("\\t", " ")))
"""
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    path, is_same, peak_kib = out[0], out[1], int(out[2])
    copy = on_disk(root, path)
    assert is_same == "True" and peak_kib < 100 << 10
    large = copy if copy.is_file() else copy / "large"
    assert large.stat().st_size == LARGE_BYTES
    assert copy.is_file() or os.listdir(copy) == ["large"]
    assert path in stored(root)
    large.chmod(0o644)
    # pytest keeps the folders of tests for a while, so this file gives back its space.
    os.truncate(large, 0)


def test_a_filter_is_asked_once_though_the_tree_is_read_twice(nix, root, tmp_path, caplog):
    (tmp_path / "tree" / "c" / "d").mkdir(parents=True)
    for name in ("a", "b", "c/x", "c/d/y"):
        (tmp_path / "tree" / name).write_text(name)
    with caplog.at_level(logging.INFO, "snowsnake"):
        nix("builtins.filterSource (p: t: builtins.trace (baseNameOf p) (baseNameOf p != \"b\")) ./tree", base_path=tmp_path)
    assert [record.message for record in caplog.records] == ["a", "b", "c", "d", "y", "x"]
    nix.evaluator.flush()
    assert [sorted(os.listdir(on_disk(root, path))) for path in stored(root)] == [["a", "c"]]


def test_flat_files_that_are_not_read_as_a_whole(nix, root, tmp_path):
    contents = bytes(range(1, 256)) * 5000 + b"end"
    (tmp_path / "f").write_bytes(contents)
    (tmp_path / "f").chmod(0o755)
    source = "builtins.path { path = ./f; recursive = false; }"
    path = nix(source, base_path=tmp_path)
    assert path == snowsnake.Evaluator().evaluate(source, base_path=tmp_path).to_python()
    nix.evaluator.flush()
    assert on_disk(root, path).read_bytes() == contents
    assert stat.S_IMODE(on_disk(root, path).stat().st_mode) == 0o444
    assert path == LocalStore(root).add_flat("f", contents)
    assert stored(root)[path].ca.startswith("fixed:sha256:")
    read = f"builtins.stringLength (builtins.readFile ({source}))"
    (tmp_path / "f").write_bytes(b"text" * 500000)
    for evaluator in (snowsnake.Evaluator(store=root), snowsnake.Evaluator()):
        assert evaluator.evaluate(read, base_path=tmp_path).to_python() == 2000000


def test_what_a_process_needs_is_in_its_file_of_temporary_roots(tmp_path):
    """A process names the objects that it needs in a locked file, which is removed when the last of its stores is closed."""
    folder = tmp_path / "store/nix/var/nix/temproots"
    with LocalStore(tmp_path / "store") as store:
        path = store.add_text("a", b"a")
        file = folder / str(os.getpid())
        with LocalStore(tmp_path / "store") as again:
            other = again.add_text("b", b"b")
            with pytest.raises(BlockingIOError), open(file, "rb+") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert file.read_bytes() == f"{path}\0{other}\0".encode()
        with pytest.raises(ValueError, match="Cannot delete path"):
            Collector(store, print, keeps_outputs=False, keeps_derivations=False).delete([path])
    assert list(folder.iterdir()) == []
    with LocalStore(tmp_path / "store") as store:
        # A process that has ended had the same number.
        (folder / str(os.getpid())).write_text("stale\0")
        store.keep(path)
        assert (folder / str(os.getpid())).read_bytes() == f"{path}\0".encode()
        store.keep(path)
        Collector(store, print, keeps_outputs=False, keeps_derivations=False).delete([other])
        assert store.paths() == [path]


@pytest.mark.parametrize(
    "contents, names",
    [
        ("builtins.toFile \"x\" \"has ${./a} in\"", ["a"]),
        ("builtins.toFile \"x\" \"has ${./a} in ${./b}, and ${./a}\"", ["a", "b"]),
        # This text has only a part of the hash, so it is not a reference.
        ("builtins.toFile \"x\" (builtins.substring 0 9 \"${./a}\")", []),
        ("builtins.toFile \"x\" (builtins.readFile (builtins.toFile \"y\" \"${./b}\"))", ["b"]),
        ("builtins.path { path = ./.; name = \"s\"; } + \"/a\"", []),
        ("(derivation { name = \"d\"; system = \"s\"; builder = ./b; }).drvPath", ["b"]),
        ("./a", []),
    ],
)
@pytest.mark.parametrize("has_store", [True, False])
def test_what_a_file_read_refers_to(root, tmp_path, contents, names, has_store):
    """The result of `readFile` has a context: the references of the file's store object that the file names."""
    files = tmp_path / "files"
    files.mkdir()
    for name in "ab":
        (files / name).write_text(name)
    nix = snowsnake.Evaluator(store=root) if has_store else snowsnake.Evaluator()
    if not has_store and "drvPath" in contents:
        # A derivation that was not written cannot be read.
        with pytest.raises(snowsnake.FileFault, match="is not valid"):
            nix.evaluate(f"builtins.readFile ({contents})", base_path=files).force()
        return
    made = nix.evaluate(f"builtins.readFile ({contents})", base_path=files).context
    assert sorted(path[44:] for path in made) == names


def test_what_another_evaluation_wrote_is_referred_to(root, tmp_path):
    (tmp_path / "a").write_text("a")
    with snowsnake.Evaluator(store=root) as first:
        path = first.evaluate('builtins.toFile "x" "${./a}"', base_path=tmp_path).to_python()
    found = snowsnake.Evaluator(store=root).evaluate(f"builtins.getContext (builtins.readFile {path})").to_python()
    assert [(name[44:], kinds) for name, kinds in found.items()] == [("a", {"path": True})]


def test_only_the_folder_of_the_store_says_what_is_valid(run_command, tmp_path):
    """A store below another root: the same path in the logical store's own folder is a file, but no object of this store."""
    path = tmp_path / "store" / "qiwmmmgnk4xmy6mma2man57iwykzv7rg-f"
    path.parent.mkdir()
    path.write_text("elsewhere")
    there = {"NIX_STORE_DIR": str(path.parent), "NIX_REMOTE": f"local?root={tmp_path}/root"}
    for source in (f'builtins.readFile (builtins.storePath "{path}")', f'builtins.readFile (builtins.appendContext "{path}" {{ "{path}".path = true; }})'):
        assert run_command("instantiate", "--eval", "-E", source, NIX_STORE_DIR=str(path.parent)).returncode == 0
        done = run_command("instantiate", "--eval", "-E", source, **there)
        assert done.returncode == 1 and path.name.encode() in done.stderr
    # The file itself can be read, as in C++ Nix.
    assert run_command("instantiate", "--eval", "-E", f"builtins.readFile {path}", **there).stdout == b'"elsewhere"\n'
