"""SQLite files that are damaged: a clear error where the contents count, another file where they can be computed again."""

import os
import random

import pytest

from snowsnake.fetch.cache import FetchCache
from snowsnake.fetch.errors import FetchFailure
from snowsnake.store import LocalStore
from snowsnake.store.binary_cache.remembered import Remembered

ROUNDS = 150


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Some bytes are others, most of them in the first page, which has the schema: SQLite's messages quote it."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 3, 20))):
        found[chance.randrange(min(len(found), chance.choice((4096, len(found)))))] = chance.randrange(256)
    return bytes(found)


def replace(path, data: bytes) -> None:
    path.write_bytes(data)
    for ending in ("-wal", "-shm"):
        if os.path.exists(f"{path}{ending}"):
            os.unlink(f"{path}{ending}")


@pytest.fixture
def chance():
    return random.Random(7)


def test_a_store_with_a_damaged_database_has_a_clear_error(tmp_path, chance):
    root = tmp_path / "store"
    with LocalStore(root) as store:
        for number in range(30):
            store.add_text(f"t{number}", b"text")
    (database,) = root.rglob("db.sqlite")
    data = database.read_bytes()
    refused = []
    for number in range(ROUNDS):
        replace(database, damaged(data, chance))
        try:
            with LocalStore(root, read_only=chance.random() < 0.5) as store:
                for path in store.paths():
                    store.info(path)
                if not store.read_only:
                    store.add_text(f"new{number}", b"text")
        except (ValueError, OSError) as error:
            assert not isinstance(error, UnicodeError), error
            refused.append(str(error))
    assert any("malformed database schema" in text for text in refused)


def test_a_damaged_index_of_fetched_sources_is_replaced_or_has_a_clear_error(tmp_path, chance):
    cache = FetchCache(str(tmp_path))
    cache.note("kind", "key", {"value": 1})
    cache.close()
    index = tmp_path / "index.sqlite"
    data = index.read_bytes()
    for _ in range(ROUNDS):
        replace(index, damaged(data, chance))
        cache = FetchCache(str(tmp_path))
        try:
            assert cache.fact("kind", "key") in (None, {"value": 1})
            cache.note("kind", "other", {"value": 2})
            cache.trees()
            cache.shrink(0)
            cache.clear()
        except FetchFailure as error:
            assert "cannot use the cache of fetched sources" in str(error)
        finally:
            cache.close()


def test_damaged_answers_of_binary_caches_are_asked_for_again(tmp_path, chance):
    place = tmp_path / "answers.sqlite"
    Remembered(60, 60, 60, str(place)).note_cache("https://cache", "/nix/store", True, 40)
    data = place.read_bytes()
    for _ in range(ROUNDS):
        replace(place, damaged(data, chance))
        remembered = Remembered(60, 60, 60, str(place))
        found = remembered.cache("https://cache")
        assert found is None or [type(part) for part in found] == [int, str, bool, int]
        assert isinstance(remembered.note_cache("https://other", "/nix/store", True, 40), int | None)
        remembered.close()
