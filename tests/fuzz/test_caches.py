"""Binary caches whose files were changed: their contents are refused with a clear error, or are right."""

import os
import random

import pytest
from store_formats import mutated

from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore

MUTATIONS = 250


@pytest.mark.parametrize("compression", ["none", "xz", "zstd"])
@pytest.mark.parametrize("kind", ["narinfo", "archive", "nix-cache-info"])
def test_a_changed_cache_is_refused_or_right(tmp_path, compression, kind):
    with LocalStore(tmp_path / "store", durable=False) as store:
        base = store.add_text("base", b"base")
        path = store.add_text("user", b"uses " + base.encode(), [base])
        folder = str(tmp_path / "cache")
        cache = BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions(compression), is_writable=True)
        for one in (base, path):
            with archive_of(store, one) as archive:
                cache.import_object(store.known(one), archive)
        with archive_of(store, path) as archive:
            right = archive.read()
    names = {"narinfo": os.path.basename(path)[:32] + ".narinfo", "archive": cache.narinfo(path).url, "nix-cache-info": "nix-cache-info"}
    place = os.path.join(folder, names[kind])
    with open(place, "rb") as file:
        sample = file.read()
    refused = 0
    for seed in range(MUTATIONS):
        with open(place, "wb") as file:
            file.write(mutated(sample, random.Random(seed)))
        found = BinaryCacheStore(FolderFiles(folder), "file:///")
        try:
            info = found.info(path)
            if info is None:
                refused += 1
                continue
            with found.open_archive(path) as archive:
                data = archive.read()
        except ValueError:
            refused += 1
            continue
        # A changed `.narinfo` may state other facts, which must be true of the archive; its signature would not fit.
        assert len(data) == info.nar_size
        if kind != "narinfo":
            assert data == right
    assert refused > MUTATIONS // 10
