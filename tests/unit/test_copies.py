"""Caches and copies by the commands: which objects go where, which must be signed, and what happens when a cache cannot deliver.

Each test has a store of its own, whose builds are not in a sandbox.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from snowsnake.store.binary_cache.compressed import check_method
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore
from snowsnake.store.signing import SecretKey

PACKAGES = """
let
  make = name: inputs: script: derivation ({
    inherit name inputs; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; args = [ "-c" script ];
  } // extra);
  extra = if contentAddressed then { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } else { };
  contentAddressed = builtins.getEnv "CONTENT_ADDRESSED" == "1";
in rec {
  dep = make "dep" [ ] "echo dep > $out";
  x = make "x" [ dep ] "mkdir $out; echo $inputs > $out/inputs";
  y = make "y" [ x ] "echo $inputs > $out";
  debug = make "debug" [ ] "mkdir -p $out/lib/debug/.build-id/02; echo foo > $out/lib/debug/.build-id/02/623eda209c26a59b1a8638ff7752f6b945c26b.debug";
  source = "${./source}";
}
"""


class World:
    """A store, caches, and commands; `run` returns what they printed."""

    def __init__(self, folder: Path, run_command) -> None:
        self.folder = folder
        self._run = run_command
        self.settings: list[str] = []
        (folder / "packages.nix").write_text(PACKAGES)
        (folder / "source").mkdir()
        (folder / "source/file").write_text("source")
        self.store_dir = f"{folder}/store"

    def run(self, module: str, *words: str, code: int = 0, ca: bool = False, **given: str):
        lines = [
            "experimental-features = nix-command ca-derivations read-only-local-store", "sandbox = false", "build-users-group =", "substituters =",
            "build-hook =", *self.settings,
        ]  # fmt: skip
        done = self._run(
            module, *words, NIX_STORE_DIR=self.store_dir, NIX_STATE_DIR=f"{self.folder}/state", NIX_LOG_DIR=f"{self.folder}/log", HOME=str(self.folder),
            NIX_CONF_DIR=str(self.folder), NIX_CONFIG="\n".join(lines), CONTENT_ADDRESSED="01"[ca], NIX_REMOTE="", **given,
        )  # fmt: skip
        assert done.returncode == code, done.stderr.decode()
        return done

    def nix(self, *words: str, **given):
        return self.run("nix.main", *words, **given)

    def build(self, name: str, *words: str, **given) -> str:
        return self.run("old.build", "packages.nix", "-A", name, "--no-out-link", *words, **given).stdout.decode().strip()

    def forget(self) -> None:
        """Empties the store."""
        for name in ("store", "state"):
            os.system(f"chmod -R u+w '{self.folder}/{name}'")
            shutil.rmtree(self.folder / name)

    def cache(self, name: str = "cache", store_dir: str = "") -> BinaryCacheStore:
        return BinaryCacheStore(FolderFiles(str(self.folder / name)), f"file://{self.folder}/{name}", store_dir or self.store_dir)

    def archive(self, cache: str, path: str) -> Path:
        return self.folder / cache / self.cache(cache, path.rpartition("/")[0]).narinfo(path).url


@pytest.fixture
def world(tmp_path, run_command) -> World:
    return World(tmp_path, run_command)


# --- evaluations that write to a cache


def test_what_is_evaluated_goes_into_a_cache_in_a_folder(world):
    url = f"file://{world.folder}/cache"
    drv_path = world.run("instantiate", "--store", url, "packages.nix", "-A", "y").stdout.decode().strip()
    names = {path.rpartition("/")[2][33:] for path in world.cache().paths()}
    assert names == {"dep.drv", "x.drv", "y.drv"} and world.cache().read_derivation(drv_path).name == "y"
    source = world.run("instantiate", "--store", url, "packages.nix", "-A", "source", "--eval", "--read-write-mode").stdout.decode().strip()
    assert world.cache().read(source.strip('"') + "/file") == b"source"
    assert not Path(world.store_dir).exists()


def test_an_evaluation_that_writes_nothing_makes_no_cache(world):
    world.run("instantiate", "--store", f"file://{world.folder}/cache", "packages.nix", "-A", "y", "--readonly-mode")
    assert not (world.folder / "cache").exists()


def test_a_cache_builds_nothing_but_has_what_it_has(world):
    url = f"file://{world.folder}/cache"
    failed = world.nix("build", "--store", url, "--file", "packages.nix", "y", code=1)
    assert b"error: Unable to build with a primary store that isn't a local store; either pass" in failed.stderr
    world.nix("copy", "--to", url, "--file", "packages.nix", "y")
    done = world.nix("build", "--store", url, "--file", "packages.nix", "y", "--print-out-paths")
    assert done.stdout.decode().strip().endswith("-y") and not (world.folder / "result").is_symlink()


def test_what_is_only_evaluated_is_copied_from_the_cache_that_has_it(world):
    """The cache is named, and its connections are used, although the derivations are in a store in memory."""
    url = f"file://{world.folder}/cache"
    world.nix("copy", "--to", url, "--file", "packages.nix", "y")
    world.nix("copy", "--to", f"file://{world.folder}/other", "--from", url, "--file", "packages.nix", "y")
    copied = world.nix("copy", "--to", f"file://{world.folder}/third", "--from", url, "--file", "packages.nix", "y")
    assert f"from '{url}' to 'file://{world.folder}/third'...".encode() in copied.stderr and b"memory" not in copied.stderr


# --- copies


def test_copies_need_a_signature_by_a_trusted_key(world):
    path = world.build("y")
    refused = world.nix("copy", "--to", f"{world.folder}/other?require-sigs=true", path, code=1)
    assert b"because it lacks a signature by a trusted key" in refused.stderr
    world.nix("copy", "--to", f"local?root={world.folder}/other&require-sigs=false", path)
    world.nix("path-info", "--store", f"{world.folder}/other", path)
    world.nix("copy", "--to", f"{world.folder}/third", "--no-check-sigs", path)


def test_a_copied_realisation_must_be_signed(world):
    key = SecretKey.new("test-1")
    (world.folder / "key").write_text(key.render())
    url = f"file://{world.folder}/cache"
    words = ("--file", "packages.nix", "y")
    world.nix("copy", "--to", url, *words, ca=True)
    assert len(list((world.folder / "cache/realisations").iterdir())) == 1
    world.forget()
    refused = world.nix("copy", "--from", url, *words, ca=True, code=1)
    assert b"cannot register realisation" in refused.stderr
    world.nix("copy", "--from", url, *words, "--no-check-sigs", ca=True)
    world.forget()
    shutil.rmtree(world.folder / "cache")
    world.nix("copy", "--to", url, *words, "--secret-key-files", f"{world.folder}/key", ca=True)
    world.forget()
    world.nix("copy", "--from", url, *words, "--trusted-public-keys", key.public, ca=True)
    assert b"building" not in world.nix("build", *words, ca=True).stderr


def test_profiles_and_links_of_copies_and_builds(world):
    url = f"file://{world.folder}/cache"
    path = world.build("x")
    world.nix("copy", "--to", url, path)
    world.forget()
    profile = world.folder / "profile"
    world.nix("copy", "--from", url, path, "--no-check-sigs", "--profile", str(profile), "--out-link", f"{world.folder}/link")
    assert os.readlink(profile) == "profile-1-link" and os.readlink(world.folder / "profile-1-link") == path == os.readlink(world.folder / "link")
    # The second round changes nothing.
    for _ in range(2):
        world.nix("build", "--file", "packages.nix", "y", "--no-link", "--profile", str(profile))
        assert os.readlink(profile) == "profile-2-link" and os.readlink(world.folder / "profile-2-link").endswith("-y")
    roots = {os.readlink(link) for link in (world.folder / "state/gcroots/auto").iterdir()}
    assert roots == {f"{profile}-1-link", f"{profile}-2-link", f"{world.folder}/link"}
    several = world.nix("build", "--file", "packages.nix", "x", "y", "--no-link", "--profile", str(profile), code=1)
    assert b"'--profile' requires that the arguments produce a single store path, but there are 2" in several.stderr
    refused = world.nix("copy", "--to", url, path, "--out-link", f"{world.folder}/other", code=1)
    assert b"'--out-link' is not supported for this Nix store" in refused.stderr


def test_why_depends_knows_outputs_without_paths(world):
    world.build("x", ca=True)
    done = world.nix("why-depends", "--file", "packages.nix", "x", "y", ca=True)
    assert b"does not depend on 'y'" in done.stderr
    assert b"dep" in world.nix("why-depends", "--file", "packages.nix", "y", "dep", ca=True).stdout


def test_the_hook_after_a_build_can_copy_what_was_built(world):
    hook = world.folder / "hook"
    hook.write_text(f"#!/bin/sh\nexec {sys.executable} -m snowsnake.cli.nix.main copy --to file://{world.folder}/cache \"$DRV_PATH^*\"\n")
    hook.chmod(0o755)
    world.settings = [f"post-build-hook = {hook}"]
    path = world.build("y", ca=True)
    assert path in world.cache().paths()
    world.forget()
    world.settings = [f"substituters = file://{world.folder}/cache", "require-sigs = false", "max-jobs = 0"]
    # The resolved form of each derivation is found.
    assert world.build("y", ca=True) == path


# --- caches that cannot deliver


@pytest.fixture
def caches(world) -> tuple[World, str, str]:
    """Two caches with `dep` and `x`; the store is empty."""
    x = world.build("x")
    for name in ("first", "second"):
        world.nix("copy", "--to", f"file://{world.folder}/{name}?compression=none", x)
    world.forget()
    world.settings = [f"substituters = file://{world.folder}/first file://{world.folder}/second", "require-sigs = false"]
    return world, x, world.cache("first").narinfo(x).references[0]


@pytest.mark.parametrize("fault", ["gone", "corrupt", "cut"])
@pytest.mark.parametrize("which", ["x", "dep"])
def test_the_next_cache_is_asked(caches, fault, which):
    world, x, dep = caches
    place = world.archive("first", x if which == "x" else dep)
    data = place.read_bytes()
    if fault == "gone":
        place.unlink()
    else:
        place.write_bytes(data[:-8] if fault == "cut" else data.replace(b"directory" if which == "x" else b"dep", b"\0" * 3))
    done = world.run("old.build", "packages.nix", "-A", "y", "--no-out-link")
    said = done.stderr.decode()
    assert re.findall(r"building '.*-(.*)\.drv'", said) == ["y"]
    assert f"{which}' from 'file://{world.folder}/second'..." in said
    assert (f"warning: file '{place.parent.name}/{place.name}' does not exist in binary cache" if fault == "gone" else "error: hash mismatch importing path") in said


@pytest.mark.parametrize("fault", ["gone", "corrupt"])
def test_without_another_cache_a_fault_is_an_error_and_a_gone_archive_is_none(caches, fault):
    world, x, dep = caches
    world.settings = [f"substituters = file://{world.folder}/first", "require-sigs = false"]
    place = world.archive("first", dep)
    place.unlink() if fault == "gone" else place.write_bytes(place.read_bytes().replace(b"dep", b"DEP"))
    asked = world.run("old.store", "--realise", x, code=1)
    assert asked.stderr.decode().endswith(f"error: some references of path '{x}' could not be realised\n")
    done = world.run("old.build", "packages.nix", "-A", "y", "--no-out-link", code=0 if fault == "gone" else 1)
    said = done.stderr.decode()
    if fault == "gone":
        assert re.findall(r"building '.*-(.*)\.drv'", said) == ["dep", "x", "y"] and "error:" not in said
        return
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert [line[: line.index("/") - 1] for line in lines] == [
        "error: hash mismatch importing path ", "error: path ", "error: some references of path ", "error: some substitutes for the outputs of derivation ",
        "error: Cannot build ",
    ]  # fmt: skip
    assert "-x.drv' failed (usually happens due to networking issues); try '--fallback' to build derivation from source" in said
    assert "Reason: 1 dependency failed." in said and "building '" not in said
    world.run("old.build", "packages.nix", "-A", "y", "--no-out-link", "--fallback")


# --- parameters of caches


def test_caches_say_which_packages_they_have(caches):
    world, _, _ = caches
    for name in ("first", "second"):
        (world.folder / name / "nix-cache-info").write_text(f"StoreDir: {world.store_dir}\nWantMassQuery: {int(name == 'second')}\n")
    query = ("old.env", "-f", "packages.nix", "--query", "--available", "--attr-path")
    lines = world.run(*query, "--status").stdout.decode().splitlines()
    assert {line.split()[1]: line.split()[0] for line in lines} == {"dep": "--S", "x": "--S", "y": "---", "debug": "---"}
    assert [line.split()[0] for line in world.run(*query, "--prebuilt-only").stdout.decode().splitlines()] == ["dep", "x"]
    assert b'substitutable="1"' in world.run(*query, "--status", "--xml").stdout
    # This cache does not offer to be asked about many paths at once.
    world.settings = [f"substituters = file://{world.folder}/first"]
    assert world.run(*query, "--prebuilt-only").stdout == b""


def test_archives_that_were_looked_into_are_kept(world):
    path = world.build("x")
    world.nix("copy", "--to", f"file://{world.folder}/cache", path)
    words = ("store", "cat", "--store", f"file://{world.folder}/cache?local-nar-cache={world.folder}/kept", f"{path}/inputs")
    first = world.nix(*words).stdout
    shutil.rmtree(world.folder / "cache/nar")
    assert world.nix(*words).stdout == first != b""
    [kept] = (world.folder / "kept").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"inputs", b"output"))
    assert b"does not exist in binary cache" in world.nix(*words, code=1).stderr


def test_files_with_debugging_information_are_indexed(world):
    path = world.build("debug")
    world.nix("copy", "--to", f"file://{world.folder}/cache?index-debug-info=1&compression=none", path)
    found = json.loads((world.folder / "cache/debuginfo/02623eda209c26a59b1a8638ff7752f6b945c26b.debug").read_text())
    assert found == {"archive": "../" + world.cache().narinfo(path).url, "member": "lib/debug/.build-id/02/623eda209c26a59b1a8638ff7752f6b945c26b.debug"}


def test_what_a_remote_cache_said_is_remembered(world):
    path = world.build("y", ca=True)
    url = f"file://{world.folder}/cache"
    world.nix("copy", "--to", url, "--file", "packages.nix", "y", "x", "dep", ca=True)
    world.settings = [f"substituters = {url}", "require-sigs = false", "max-jobs = 0"]
    for _ in range(2):
        world.forget()
        assert world.build("y", ca=True, _NIX_FORCE_HTTP="1") == path
        shutil.rmtree(world.folder / "cache/realisations", ignore_errors=True)
        (world.folder / "cache/nix-cache-info").unlink(missing_ok=True)
    world.nix("store", "info", "--store", url, _NIX_FORCE_HTTP="1")
    failed = world.nix("store", "info", "--store", url, "--refresh", code=1, _NIX_FORCE_HTTP="1")
    assert b"nix-cache-info' is not supported" in failed.stderr


# --- stores in other folders


FETCHED = '{ url, hash }: import <nix/fetchurl.nix> { inherit url hash; }'


@pytest.mark.parametrize("kind", ["cache", "store"])
def test_fixed_outputs_are_fetched_from_stores_in_other_folders(world, kind):
    """A fixed output has another path there, which follows from the hash."""
    file = world.folder / "fetched"
    file.write_text("contents")
    hash_ = world.nix("hash", "file", str(file)).stdout.decode().strip()
    url = f"file://{world.folder}/cache?store=/fnord/store" if kind == "cache" else f"local?root={world.folder}/other&store=/fnord/store&real={world.folder}/other/store"
    there = world.nix("store", "add-file", "--store", url, str(file)).stdout.decode().strip()
    assert there.startswith("/fnord/store/")
    world.settings = [f"substituters = {url}"]
    words = ("old.build", "--expr", FETCHED, "--argstr", "url", "file:///nowhere/fetched", "--argstr", "hash", hash_, "--no-out-link")
    path = world.run(*words).stdout.decode().strip()
    assert Path(path).read_text() == "contents" and path.startswith(world.store_dir) and path != there
    unknown = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert b"/nowhere/fetched" in world.run(*words[:-2], unknown, "--no-out-link", code=1).stderr
    world.forget()
    # The object that the store sends must have that hash.
    if kind == "cache":
        world.archive("cache", there).write_bytes(b"nonsense")
        assert b"error:" in world.run(*words, code=1).stderr


def test_copies_between_folders_have_other_names(world):
    file = world.folder / "added"
    file.write_text("contents")
    path = world.nix("store", "add-file", str(file)).stdout.decode().strip()
    other = f"file://{world.folder}/cache?store=/fnord/store"
    world.nix("copy", "--to", other, path)
    [there] = world.nix("path-info", "--all", "--store", other).stdout.decode().split()
    assert there.startswith("/fnord/store/") and there.endswith("-added") and there[-40:] != path[-40:]
    world.forget()
    world.nix("copy", "--from", other, there)
    assert Path(path).read_text() == "contents"
    built = world.build("x")
    assert b"only what is named by its contents" in world.nix("copy", "--to", other, built, code=1).stderr


# --- evaluations in another store


@pytest.mark.parametrize("ca", [False, True])
@pytest.mark.parametrize("command", ["build", "old.build"])
def test_builds_of_what_was_evaluated_in_another_store(world, command, ca):
    evaluated = f"{world.folder}/evaluated"
    (world.folder / "sourced.nix").write_text(
        'with import ./packages.nix; derivation { name = "z"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin";'
        ' args = [ "-c" "cat ${./source}/file ${y} > $out" ]; }'
    )
    words = ("--eval-store", evaluated, "--out-link", f"{world.folder}/link")
    if command == "build":
        world.nix("build", "--file", "sourced.nix", *words, ca=ca)
    else:
        world.run("old.build", "sourced.nix", *words, ca=ca)
    assert (world.folder / "link").read_text().startswith("source")
    names = sorted(path.name[33:] for path in Path(world.store_dir).iterdir() if path.name[0] != ".")
    assert [name for name in names if not name.endswith(".drv")] == ["dep", "source", "x", "y", "z"]
    # The derivations in the store are resolved ones.
    assert (not any(name.endswith(".drv") for name in names)) or ca
    assert not any(path.name.endswith("-y") for path in Path(evaluated, "nix/store").iterdir())


def test_what_an_evaluation_in_another_store_imports_is_built_here_and_copied(world):
    (world.folder / "imported.nix").write_text("builtins.readFile (import ./packages.nix).y")
    words = ("eval", "--impure", "--raw", "--file", "imported.nix", "--eval-store")
    refused = world.nix(*words, f"{world.folder}/first", code=1)
    assert b"because it lacks a signature by a trusted key" in refused.stderr
    world.forget()
    for ca in (False, True):
        done = world.nix(*words, f"{world.folder}/second{ca}?require-sigs=false", ca=ca)
        assert done.stdout.decode().strip().endswith("-x")
        assert any(path.name.endswith("-dep") for path in Path(world.store_dir).iterdir())
        assert any(path.name.endswith("-y") for path in Path(f"{world.folder}/second{ca}/nix/store").iterdir())


def test_an_evaluation_in_a_store_that_forgets(world):
    world.run("instantiate", "packages.nix", "-A", "y", "--eval-store", "dummy://", code=1)
    world.run("instantiate", "packages.nix", "-A", "y", "--eval-store", "dummy://?read-only=false")


def events(done):
    """The events that a program reads: (action, kind, fields or text) of each, without its number."""
    found = [json.loads(line[5:]) for line in done.stderr.decode().splitlines() if line.startswith("@nix ")]
    return [(event["action"], event.get("type"), event.get("fields", event.get("text"))) for event in found]


def test_programs_that_follow_a_copy_read_its_events(world):
    """The kinds, the fields and their order are those of `nix copy` 2.34.8, which reports progress for each piece."""
    path = world.build("x")
    dep = next(str(place) for place in Path(world.store_dir).iterdir() if place.name.endswith("-dep"))
    url = f"file://{world.folder}/cache"
    world.settings.append("require-sigs = false")

    def copied(*words):
        found = events(world.nix("copy", *words, path, "--log-format", "internal-json"))
        assert [kind for action, kind, _ in found if action == "start"] == [103, 100, 100]
        assert found[0] == ("start", 103, "copying 2 paths") and found[-1] == ("stop", None, None)
        assert found[1][:2] == ("result", 106) and found[1][2][0] == 100
        total = found[1][2][1]
        assert sum(fields[0] for action, kind, fields in found if kind == 105 and fields[0] == fields[1] and fields[0] > 2) == total
        assert found[-2] == ("result", 105, [2, 2, 0, 0])
        assert sum(action == "stop" for action, _, _ in found) == 3
        return [fields for action, kind, fields in found if kind == 100]

    assert copied("--to", url) == [[dep, "local", url], [path, "local", url]]
    assert copied("--to", f"{world.folder}/other?store={world.store_dir}") == [[dep, "local", "local"], [path, "local", "local"]]
    world.forget()
    assert copied("--from", url) == [[dep, url, "local"], [path, url, "local"]]
    assert [event[:2] for event in events(world.nix("copy", "--to", url, path, "--log-format", "internal-json"))] == [("start", 103), ("result", 106), ("stop", None)]


# --- compression


def test_archives_compressed_by_brotli_are_read_and_written(world):
    pytest.importorskip("brotli")
    path = world.build("x")
    url = f"file://{world.folder}/cache?compression=br"
    world.nix("copy", "--to", url, path)
    place = world.archive("cache", path)
    assert place.suffix == ".br" and b"\nCompression: br\n" in (world.folder / "cache" / f"{Path(path).name[:32]}.narinfo").read_bytes()
    world.forget()
    world.nix("copy", "--from", url, path, "--no-check-sigs")
    assert "inputs" in os.listdir(path)
    data = place.read_bytes()
    for damaged in (data[:-1], b"", b"nonsense" * 10, data + b"x"):
        place.write_bytes(damaged)
        world.forget()
        assert b"error:" in world.nix("copy", "--from", url, path, "--no-check-sigs", code=1).stderr


@pytest.mark.parametrize(("method", "package"), [("br", "brotli"), ("lz4", "lz4")])
def test_without_a_package_it_is_said_what_is_needed(monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(ValueError, match=f"pip install {package}"):
        check_method(method)


# --- sources that hold the store

FLAKE = '{ outputs = { self }: { x = "${self}"; }; }'


@pytest.mark.parametrize("kind", ["flake", "path", "add", "import"])
def test_a_folder_that_holds_the_store_is_copied(world, kind):
    """Files that are written meanwhile are not copied: the archive is complete before the first file of the copy is written."""
    folder = world.folder / "around"
    folder.mkdir()
    (folder / "flake.nix").write_text(FLAKE)
    (folder / "file").write_text("contents")
    (folder / "code.nix").write_text({"path": 'builtins.path { path = ./.; name = "around"; }', "import": '"${./.}"'}.get(kind, ""))
    world.settings.append("experimental-features = nix-command flakes")
    world.store_dir = f"{folder}/store"
    for _ in range(2):
        if kind == "flake":
            done = world.nix("eval", "--raw", f"{folder}#x")
        elif kind == "add":
            done = world.run("old.store", "--add", str(folder))
        else:
            done = world.run("instantiate", "--eval", "--read-write-mode", f"{folder}/code.nix")
        copy = Path(done.stdout.decode().strip().strip('"'))
        assert (copy / "file").read_text() == "contents"
        assert not (copy / "store" / copy.name).exists()
        world.run("old.store", "--verify", "--check-contents")
