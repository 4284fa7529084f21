"""A disk that becomes full in the middle of a command: an error, no half-valid object, no left files, and success once there is room.

Each case has a small file system of its own, in a namespace of its own.
"""

import os
import shutil
import subprocess
import sys

import pytest

UNSHARE = shutil.which("unshare")
SCRIPT = """
import ctypes, os, sys
from pathlib import Path
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.build.copying import copy_paths
from snowsnake.build.substitution import Policy, Substituters
from snowsnake.store.export import export_paths, import_paths
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.removal import remove

kind, folder, disk = sys.argv[1:]
SIZE = 3 << 20
if ctypes.CDLL(None, use_errno=True).mount(b"none", disk.encode(), b"tmpfs", 0, f"size={SIZE}".encode()) != 0:
    sys.exit(77)
source = LocalStore(f"{folder}/source")
small = source.add_text("small", b"small")
tree = Path(folder, "tree")
(tree / "many").mkdir(parents=True)
for number in range(150):
    (tree / "many" / str(number)).write_bytes(os.urandom(2000))
large = source.add_source("large", str(tree), references=[small])
source.flush()
cache = BinaryCacheStore(FolderFiles(f"{folder}/cache"), "file://", options=CacheOptions("none", is_trusted=True), is_writable=True)
for path in (small, large):
    with archive_of(source, path) as archive:
        cache.import_object(source.known(path), archive)

def act(store):
    if kind == "substitute":
        substituters = Substituters(lambda: [cache], Policy(requires_signatures=False))
        offers = substituters.ask([small, large])
        for fault in substituters.fetch(store, offers.values(), lambda: None).values():
            raise fault
    elif kind == "copy":
        copy_paths(source, store, [small, large], None, lambda text: None)
    elif kind == "import":
        with open(f"{folder}/export", "w+b") as file:
            export_paths(source, [small, large], file.fileno())
            file.seek(0)
            list(import_paths(store, file))
    else:
        store.add_text("small", b"small")
        store.add_source("large", str(tree), references=[small])
        store.flush()

refused = 0
for left in range(0, 1200, 60):
    store_folder = f"{disk}/{left}"
    with LocalStore(store_folder):
        pass
    filling = f"{disk}/filling"
    free = os.statvfs(disk).f_bavail * 4096 - (left << 10)
    with open(filling, "wb") as file:
        file.write(bytes(max(free, 0)))
    try:
        with LocalStore(store_folder) as store:
            act(store)
    except (OSError, ValueError) as error:
        refused += 1
        assert "No space left" in str(error) or "full" in str(error) or "could not be realised" in str(error), error
    os.unlink(filling)
    with LocalStore(store_folder) as store:
        assert store.verify() == [], left
        assert [*Path(store_folder, "nix/var/snowsnake/tmp").iterdir()] == [Path(store._scratch.folder)], left
        assert not [*Path(store._scratch.folder).iterdir()]
        act(store)
        assert set(store.paths()) == {small, large} and store.verify() == []
    remove(store_folder)
assert 5 < refused < 20, refused
"""


@pytest.mark.skipif(UNSHARE is None, reason="no unshare")
@pytest.mark.parametrize("kind", ["substitute", "copy", "import", "add"])
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path, kind):
    (tmp_path / "disk").mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [UNSHARE, "--user", "--map-root-user", "--mount", sys.executable, "-c", SCRIPT, kind, str(tmp_path), str(tmp_path / "disk")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode == 77 or "unshare" in done.stderr[:100]:
        pytest.skip("no namespaces here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["--help", "eval --help", "--version", ""])
def test_help_says_that_the_disk_is_full(words) -> None:
    command = f"from snowsnake.cli.entry_points import snowsnake; import sys; sys.argv[1:] = {words.split()!r}; snowsnake()"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr == "error: No space left on device\n" or not words


def test_a_listing_ends_where_the_disk_is_full(tmp_path) -> None:
    """The listing is written while it is made, and is never in memory as a whole."""
    import io

    from snowsnake.cli import listing
    from snowsnake.parsing import compiled_pieces

    source = b"[ " + b"(x: { a = x.a or [ x 1 ]; }) " * 20_000 + b"]"
    made = 0

    def counted():
        nonlocal made
        for text in compiled_pieces(source, "x.nix", "/"):
            made += 1
            yield text

    class Full(io.RawIOBase):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    real, listing.write = listing.write, Full().write
    try:
        with pytest.raises(OSError, match="No space"):
            listing.write_pieces(counted())
    finally:
        listing.write = real
    # Each function has two chunks of a few hundred bytes.
    assert made < 1000
