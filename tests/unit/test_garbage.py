"""Garbage collection of a store in a folder: objects that roots and running programs need stay, whatever happens meanwhile."""

import os
import subprocess
import sys
import threading

import pytest
from conftest import INSTALLED, SOURCE

from snowsnake.cli.old.collect_garbage import _profile_folders
from snowsnake.settings import Settings
from snowsnake.store.garbage import Collector
from snowsnake.store.local import LocalStore


@pytest.fixture
def store(tmp_path):
    with LocalStore(tmp_path / "store", durable=False) as store:
        yield store


def fill(root):
    """Three objects, made by a process that has ended; one refers to another."""
    with LocalStore(root, durable=False) as store:
        lower = store.add_text("lower", b"lower")
        return lower, store.add_text("upper", lower.encode(), [lower]), store.add_text("other", b"other")


def collector(store):
    return Collector(store, lambda text: None, keeps_outputs=False, keeps_derivations=True)


def test_what_roots_keep_stays(store, tmp_path):
    lower, upper, other = fill(tmp_path / "store")
    store.add_root(str(tmp_path / "link"), upper)
    store.close()
    with LocalStore(tmp_path / "store", durable=False) as store:
        found = collector(store)
        found.collect(removes=False)
        assert found.removed == [other] and store.has_now(other)
        collector(store).collect()
        assert store.paths() == sorted([lower, upper])
        assert not os.path.lexists(store.objects + other[len(store.store_dir) :])
        assert store.verify() == []
        os.unlink(tmp_path / "link")
        collector(store).collect()
        assert store.paths() == [] and os.listdir(store.objects) == [".links"]


def test_what_is_needed_by_a_running_process_stays(store, tmp_path):
    paths = fill(tmp_path / "store")
    # The objects to which it refers are claimed with it.
    assert store.claim(paths[1])
    # The new object is not written yet.
    new = store.add_text("new", b"new")
    place = os.path.join(store.objects, os.path.basename(new) + ".lock")
    with open(place, "w"):
        pass
    with LocalStore(tmp_path / "store", durable=False) as second:
        collector(second).collect()
        assert second.paths() == sorted(paths[:2])
    # Files beside an object that is being made stay.
    assert os.path.exists(place)
    store.flush()
    assert store.has_now(new)


def test_who_adds_waits_for_a_collector(store, tmp_path):
    """An object that was collected while the process waited is added again."""
    _, _, other = fill(tmp_path / "store")
    assert store.is_valid(other)
    added = []
    with LocalStore(tmp_path / "store", durable=False) as second:
        thread = threading.Thread(target=lambda: added.append(second.add_text("other", b"other")))
        with LocalStore(tmp_path / "store", durable=False) as third:
            original = third.remove

            def remove(path):
                if not thread.ident:
                    thread.start()
                return original(path)

            third.remove = remove
            collector(third).collect()
        thread.join(60)
        second.flush()
        assert added == [other] and second.has_now(other) and second.verify() == []


def test_a_collection_stops_at_its_limit(store, tmp_path):
    fill(tmp_path / "store")
    found = collector(store)
    found.collect(0)
    assert found.removed == []
    found.collect(1)
    assert len(found.removed) == 1


@pytest.mark.parametrize("words", [["snowsnake-store", "--gc"], ["snowsnake-nix", "store", "gc"], ["nix-collect-garbage"]], ids=lambda words: words[0])
def test_commands_collect_what_nix_would_collect(tmp_path, words):
    root = tmp_path / "store"
    fill(root)
    script = INSTALLED / words[0]
    if words[0] == "nix-collect-garbage":
        script = tmp_path / "nix-collect-garbage"
        script.symlink_to(INSTALLED / "snowsnake-store")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(SOURCE), "NIX_CONF_DIR": str(tmp_path),
                   "NIX_CONFIG": f"experimental-features = nix-command\nstore = {root}"}  # fmt: skip

    def run(*more):
        return subprocess.run([sys.executable, str(script), *words[1:], *more], env=environment, capture_output=True, text=True)

    if words[0] != "snowsnake-store":
        assert run("--dry-run").stdout == "3 store paths would be deleted\n"
    done = run()
    assert done.stdout.startswith("3 store paths deleted, "), done.stderr
    with LocalStore(root, read_only=True) as store:
        assert store.paths() == []


def test_folders_of_profiles_are_those_of_the_user(tmp_path, monkeypatch):
    """The profiles of root are the machine's, so files of another installation in root's home stay.  `~/.nix-profile` may lead to another folder."""
    state = str(tmp_path / "state")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NIX_STATE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    own, machine = str(tmp_path / ".local/state/nix/profiles"), f"{state}/profiles"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert _profile_folders(Settings(), state) == [machine]
    monkeypatch.setattr(os, "getuid", lambda: 1)
    assert _profile_folders(Settings(), state) == [own, machine]
    (tmp_path / ".nix-profile").symlink_to("elsewhere/mine")
    assert _profile_folders(Settings(), state) == [own, machine, str(tmp_path / "elsewhere")]


def test_old_generations_are_deleted(tmp_path):
    root = tmp_path / "store"
    paths = fill(root)
    profiles = root / "nix/var/nix/profiles"
    for number, path in enumerate(paths, 1):
        os.symlink(path, profiles / f"p-{number}-link")
    os.symlink("p-2-link", profiles / "p")
    script = tmp_path / "nix-collect-garbage"
    script.symlink_to(INSTALLED / "snowsnake-store")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(SOURCE), "NIX_CONF_DIR": str(tmp_path), "NIX_CONFIG": f"store = {root}"}
    done = subprocess.run([sys.executable, str(script), "-d"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in profiles.iterdir()) == ["p", "p-2-link"]
    with LocalStore(root, read_only=True) as store:
        assert store.paths() == sorted(paths[:2])
