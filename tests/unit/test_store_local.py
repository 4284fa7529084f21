"""The embedded store: valid objects are whole, whichever processes write and however they end."""

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from snowsnake.store import Derivation, DerivationMemory, Hash, LocalStore, StorePath, nar, pack, store_path
from snowsnake.store.local_database import PathInfo, StoreDatabase

SOURCE = str(Path(__file__).parents[2] / "src")


@pytest.fixture
def root(tmp_path):
    yield tmp_path / "store"
    # Folders of a store are read-only, and pytest removes them.
    for directory, names, _ in os.walk(tmp_path):
        for name in names:
            if not os.path.islink(os.path.join(directory, name)):
                os.chmod(os.path.join(directory, name), 0o755)


def finished(name, **arguments):
    path, outputs, text = DerivationMemory().finish(name, system="x", builder="b", **arguments)
    return path, outputs, text


def test_texts_and_derivations_are_written(root):
    with LocalStore(root) as store:
        text = store.add_text("foo", b"bar")
        other = store.add_text("see", text.encode(), [text])
        path, outputs, contents = finished("a", input_srcs=[other])
        assert store.add_derivation(contents, path, path) == path == store.add_derivation(contents, "a")
        # The object is valid before it is written.
        assert store.is_valid(path) and store.read(path) == contents
    with LocalStore(root, read_only=True) as store:
        assert store.paths() == sorted([text, other, path])
        info = store.info(path)
        assert info.references == [other] and info.outputs == outputs and info.ca.startswith("text:sha256:")
        assert info.nar_hash == "sha256:" + Hash.of_bytes(nar.pack_contents(contents)).base16
        assert store.read_derivation(path).name == "a" and store.read(text) == b"bar"
        assert store.verify() == []
        status = os.stat(store.real_path(path))
        assert status.st_mode & 0o777 == 0o444 and status.st_mtime == 1


@pytest.mark.parametrize("size_bytes", [10, 1 << 20, 3 << 20])
def test_a_derivation_that_is_added_as_a_file_is_one(root, tmp_path, size_bytes):
    """Its outputs are registered, and another text is refused, however long they are."""
    source = tmp_path / "a.drv"
    with LocalStore(root) as store:
        _, outputs, text = finished("a", env={"long": "x" * size_bytes})
        source.write_bytes(text)
        assert store.outputs(store.add_source("a.drv", source, "flat")) == store.known(store.add_source("a.drv", source, "flat")).outputs == outputs
        source.write_bytes(b"x" * size_bytes)
        with pytest.raises(ValueError, match="error parsing derivation"):
            store.add_source("a.drv", source, "flat")


def test_validity_of_many_paths_takes_many_queries(root):
    """There are more paths than one query takes; objects that wait to be written count."""
    with LocalStore(root) as store:
        paths = {store.add_text(f"t{number}", b"x") for number in range(1100)}
        store.flush()
        paths.add(store.add_text("late", b"x"))
        asked = paths | {path.replace("-t", "-u") for path in paths if path.endswith("9")}
        assert len(asked) > len(paths) and store.valid_among(asked) == paths
    with LocalStore(root, read_only=True) as store:
        assert store.valid_among(asked) == paths and store.valid_among([]) == set()


def test_sources_are_added_with_their_modes_and_links(root, tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run").write_text("#!")
    (tree / "sub" / "run").chmod(0o700)
    (tree / "link").symlink_to("sub")
    (tree / "left-out").write_text("")
    with LocalStore(root) as store:
        path = store.add_source("tree", tree)
        assert StorePath.parse(path) == StorePath.of_content("tree", Hash.of_path(tree))
        partial = store.add_source("tree", tree, accepts=lambda p, kind: not p.endswith("left-out"))
        flat = store.add_source("one", tree / "sub" / "run", "flat")
        assert store.add_source("tree", tree) == path
        assert sorted(os.listdir(store.real_path(partial))) == ["link", "sub"]
        assert pack(store.real_path(path)) == pack(tree)
        assert os.stat(store.real_path(path + "/sub/run")).st_mode & 0o777 == 0o555
        assert store.info(flat).ca.startswith("fixed:sha256:") and store.info(path).ca.startswith("fixed:r:sha256:")
        assert store.verify() == []
        with pytest.raises(OSError, match="No such file"):
            store.add_source("x", tmp_path / "nothing")
        with pytest.raises(ValueError, match="name 'a b' contains"):
            store.add_source("a b", tree)
        with pytest.raises(ValueError, match="is not valid"):
            store.read("/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-a")


def test_references_must_be_valid(root):
    gone = "/nix/store/5d9fy1jj2m1qilq3kwnpqjpi3nrz0bqz-gone"
    with LocalStore(root) as store:
        with pytest.raises(ValueError, match=f"path '{gone}' is required, but there is no"):
            store.add_text("x", b"", [gone])
        with pytest.raises(ValueError, match="is required, but"):
            store.add_derivation(finished("a", input_srcs=[gone])[2], "a")
        with pytest.raises(ValueError, match="belongs to"):
            store.add_derivation(finished("a")[2], gone + ".drv", gone + ".drv")
        with pytest.raises(ValueError, match="is not valid"):
            store.database.register([PathInfo(gone + "2", "sha256:0", 1, [gone])])
        assert store.paths() == [] and store.verify() == []


def test_verify_finds_what_was_done_to_a_store(root):
    with LocalStore(root) as store:
        paths = [store.add_text(f"t{i}", b"x") for i in range(4)]
        drv = store.add_derivation(finished("a")[2], "a")
    real = [str(root) + path for path in paths]
    os.unlink(real[0])
    os.chmod(real[1], 0o644)
    Path(real[1]).write_text("y")
    os.chmod(real[2], 0o755)
    with sqlite3.connect(root / "nix/var/nix/db/db.sqlite") as db:
        db.execute("update ValidPaths set path = '/nix/store/x' where path = ?", (paths[3],))
        db.execute("insert into Refs values (77, 78)")
        number = db.execute("select id from ValidPaths where path = ?", (drv,)).fetchone()[0]
        db.execute("insert into Refs values (?, ?)", (number, number))
    with LocalStore(root) as store:
        faults = "\n".join(store.verify())
        assert f"path '{paths[0]}' is valid but not there" in faults
        assert f"path '{paths[1]}' was modified!" in faults and f"path '{paths[2]}' was modified!" in faults
        assert "too short to be a valid store path" in faults and "refers to nothing" in faults
        assert f"derivation '{drv}' does not fit" in faults
        assert len(store.verify(check_contents=False)) < len(store.verify())


def test_verify_reports_a_folder_that_is_registered_as_a_derivation(root):
    with LocalStore(root) as store:
        drv = store.add_derivation(finished("a")[2], "a")
    os.unlink(str(root) + drv)
    os.mkdir(str(root) + drv)
    packed = pack(str(root) + drv)
    with sqlite3.connect(root / "nix/var/nix/db/db.sqlite") as db:
        db.execute("update ValidPaths set hash = ?, narSize = ? where path = ?", (f"sha256:{hashlib.sha256(packed).hexdigest()}", len(packed), drv))
    with LocalStore(root) as store:
        assert [fault.partition(": ")[0] for fault in store.verify()] == [f"path '{drv}' cannot be read"]


def test_what_lies_there_is_replaced(root, tmp_path):
    """An object that is not valid may have any contents, because a killed process or another program left it."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("a")
    text = store_path.text_path("t", b"x")
    folder = str(StorePath.of_content("tree", Hash.of_path(tree)))
    for path in (text, folder):
        os.makedirs(str(root) + path + "/junk")
    with LocalStore(root) as store:
        assert store.add_text("t", b"x") == text and store.add_source("tree", tree) == folder
        store.flush()
        assert store.verify() == [] and store.read(text) == b"x"
    assert os.listdir(root / "nix/var/snowsnake/tmp") == []


def test_stores_with_other_schemas_are_refused(root, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no store in"):
        LocalStore(tmp_path / "nowhere", read_only=True)
    LocalStore(root).close()
    (root / "nix/var/nix/db/schema").write_text("7")
    with pytest.raises(ValueError, match="has schema '7'"):
        LocalStore(root)
    with LocalStore(tmp_path / "other", "/gnu/store") as store:
        path = store.add_text("a", b"")
        assert path.startswith("/gnu/store/") and store.verify() == []


def test_a_flush_that_fails_loses_nothing(root, monkeypatch):
    store = LocalStore(root)
    path = store.add_text("a", b"1")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            store.flush()
        assert not store.database.is_valid(path)
    store.close()
    with LocalStore(root) as store:
        assert store.database.is_valid(path) and store.verify() == []


def check_every_object(root):
    """Checks that no half-written object has the name of a store object, whether it is valid or not."""
    objects = root / "nix/store"
    for name in set(os.listdir(objects)) - {".links"}:
        path, file = f"/nix/store/{name}", objects / name
        if name[33:].startswith("text-"):
            assert store_path.text_path(name[33:], file.read_bytes()) == path
        elif name.endswith(".drv"):
            assert Derivation.from_aterm(file.read_bytes(), path).drv_path == path
        else:
            assert str(StorePath.of_content(name[33:], Hash.of_path(file))) == path


def test_threads_that_share_a_connection_get_their_own_rows(tmp_path):
    """Python 3.12 and later share the statement of a query among the threads that ask it, and its parameters with it."""
    infos = [PathInfo(f"/nix/store/{number:032d}-x", "sha256:" + "0" * 52, number + 1) for number in range(100)]
    database = StoreDatabase(str(tmp_path))
    database.register(infos)
    wrong = []

    def ask(first):
        try:
            for number in range(first, first + 5000):
                wanted = infos[number * 7 % 100]
                found = database.info(wanted.path)
                if found is None or (found.path, found.nar_size) != (wanted.path, wanted.nar_size):
                    wrong.append((wanted, found))
                if number % 100 == 0:
                    database.sign(wanted.path, [f"key:{first}"])
        except ValueError as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(number * 25,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert wrong == []


def test_killed_writers_leave_whole_objects(root, request):
    chance = random.Random(4)
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    writer = [sys.executable, str(Path(__file__).parent / "store_writer.py"), str(root)]

    def start(seed):
        return subprocess.Popen([*writer, str(seed)], env=environment, stderr=subprocess.PIPE)

    def end(process):
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors.decode()

    def valid():
        with LocalStore(root, read_only=True) as store:
            return len(store.paths())

    running = [start(seed) for seed in range(4)]
    try:
        wait_until(lambda: (root / "nix/var/nix/db/schema").exists() and valid() > 20)
        for kill in range(request.config.getoption("--kills")):
            time.sleep(chance.uniform(0, 0.1))
            victim = chance.randrange(4)
            end(running[victim])
            running[victim] = start(kill + 4)
            if kill % 10 == 0:
                with LocalStore(root, read_only=True) as store:
                    assert store.verify() == []
        wait_until(lambda: valid() > 100)
    finally:
        for process in running:
            end(process)
    with LocalStore(root) as store:
        assert store.verify() == []
    check_every_object(root)
    assert os.listdir(root / "nix/var/snowsnake/tmp") == []


def wait_until(holds, limit_s=60):
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
