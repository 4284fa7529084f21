"""`fetchClosure` from a binary cache on loopback: content-addressed paths, signed ones, rewriting; and caches that lie."""

import base64
import hashlib
import lzma
import os
import tracemalloc
from pathlib import Path

import pytest
from fetch_server import Server

from snowsnake.fetch.closure import BinaryCache, closure_of
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings
from snowsnake.store import ed25519
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore
from snowsnake.store.nar import pack_contents
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path import StorePath

SEED = bytes(range(32))


def public_key() -> bytes:
    scalar = _scalar(SEED)[0]
    return _encoded(ed25519._times(scalar, ed25519._BASE))


def _scalar(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    return (int.from_bytes(digest[:32], "little") & ((1 << 254) - 8)) | (1 << 254), digest[32:]


def _encoded(point) -> bytes:
    inverse = pow(point[2], -1, ed25519._P)
    x, y = point[0] * inverse % ed25519._P, point[1] * inverse % ed25519._P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def signature(message: bytes) -> bytes:
    scalar, prefix = _scalar(SEED)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % ed25519._L
    point = _encoded(ed25519._times(r, ed25519._BASE))
    h = int.from_bytes(hashlib.sha512(point + public_key() + message).digest(), "little") % ed25519._L
    return point + ((r + h * scalar) % ed25519._L).to_bytes(32, "little")


class Cache:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "nar").mkdir(parents=True)

    def add(self, path: str, archive: bytes, references=(), ca=None, signs=False, **changes) -> str:
        packed = lzma.compress(archive)
        name = f"nar/{Hash.of_bytes(packed).nix32}.nar.xz"
        (self.folder / name).write_bytes(packed)
        info = NarInfo(path, name, Hash.of_bytes(archive), len(archive), "xz", references=list(references), ca=ca)
        if signs:
            info.signatures = ["key-1:" + base64.b64encode(signature(info.fingerprint().encode())).decode()]
        for field, value in changes.items():
            setattr(info, field, value)
        (self.folder / f"{os.path.basename(path)[:32]}.narinfo").write_text(info.format())
        return path

    def add_text(self, name: str, text: bytes, references=(), **changes) -> str:
        path = str(StorePath.of_text(name, text, references))
        ca = "text:" + Hash.of_bytes(text).format("nix32", with_algorithm=True)
        return self.add(path, pack_contents(text), **{"references": references, "ca": ca} | changes)


@pytest.fixture
def cache(tmp_path):
    made = Cache(Path(os.path.realpath(tmp_path)) / "cache")
    server = Server(made.folder)
    made.url = f"{server.url}/plain"
    yield made
    server.close()


@pytest.fixture
def fetcher(tmp_path):
    settings = Settings()
    settings.set("trusted-public-keys", "key-1:" + base64.b64encode(public_key()).decode())
    made = Fetcher(settings, cache_folder=str(tmp_path / "fetch"))
    yield made
    made.close()


def texts(cache) -> tuple[str, str]:
    a = cache.add_text("a", b"hello")
    return a, cache.add_text("b", f"see {a}".encode(), [a])


def test_a_closure_named_by_its_contents_needs_no_signature(cache, fetcher) -> None:
    a, b = texts(cache)
    path, trees = closure_of(cache.url, b, None, False, fetcher)
    assert path == b and [(name, tree.read(b"")) for name, tree in trees] == [(a, b"hello"), (b, f"see {a}".encode())]
    with pytest.raises(FetchFailure, match="is not input-addressed"):
        closure_of(cache.url, b, None, True, fetcher)


def test_a_rewritten_path_is_that_of_nix(cache, fetcher) -> None:
    """The path is that of C++ Nix 2.34."""
    _, b = texts(cache)
    wanted = "/nix/store/86h35lscmdn7s5zcq591lqz8wp57q999-b"
    with pytest.raises(FetchFailure, match=f"yielded '{wanted}'"):
        closure_of(cache.url, b, "", False, fetcher)
    with pytest.raises(FetchFailure, match="was expected"):
        closure_of(cache.url, b, b, False, fetcher)
    path, trees = closure_of(cache.url, b, wanted, False, fetcher)
    assert path == wanted and dict(trees)[wanted].read(b"") == f"see {trees[0][0]}".encode()


def test_self_references_are_rewritten(cache, fetcher) -> None:
    """The path is that of C++ Nix 2.34."""
    path = "/nix/store/00000000000000000000000000000001-self"
    cache.add(path, pack_contents(f"I am {path}".encode()), [path], signs=True)
    wanted = "/nix/store/xhlyfvc5z157wzlas7z6qqsvzq9vhyr5-self"
    with pytest.raises(FetchFailure, match=f"yielded '{wanted}'"):
        closure_of(cache.url, path, "", False, fetcher)
    _, ((_, tree),) = closure_of(cache.url, path, wanted, False, fetcher)
    assert tree.read(b"") == f"I am {wanted}".encode()


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_closure_is_not_in_memory_as_a_whole(cache, fetcher, is_rewritten: bool) -> None:
    size, count, path = 1 << 20, 40, ""
    for number in range(count):
        path = cache.add_text(f"large-{number}", f"{number} {path} ".encode() + bytes(size), [path] if path else [])
    tracemalloc.start()
    try:
        if is_rewritten:
            with pytest.raises(FetchFailure, match="toPath"):
                closure_of(cache.url, path, "", False, fetcher)
        else:
            assert len(closure_of(cache.url, path, None, False, fetcher)[1]) == count
        assert tracemalloc.get_traced_memory()[1] < count * size // 2
    finally:
        tracemalloc.stop()


def test_the_store_gets_the_closure(cache, tmp_path, fetcher) -> None:
    """Also a rewritten closure whose path nobody named; what the store has is not requested again."""
    a, b = texts(cache)
    wanted = "/nix/store/86h35lscmdn7s5zcq591lqz8wp57q999-b"
    with LocalStore(tmp_path / "store") as store:
        fetcher.store = store
        closure_of(cache.url, b, None, False, fetcher)
        assert store.known(b).references == [a] and store.known(b).ca.startswith("text:") and store.verify() == []
        assert Path(store.real_path(b)).read_text() == f"see {a}"
        with pytest.raises(FetchFailure, match="Use this value"):
            closure_of(cache.url, b, "", False, fetcher)
        assert store.known(wanted).ca.startswith("fixed:r:") and store.verify() == []
        unreachable = "http://127.0.0.1:1"
        path, trees = closure_of(unreachable, b, wanted, False, fetcher)
        assert path == wanted and len(trees) == 2 and closure_of(unreachable, b, None, False, fetcher)[0] == b
        with pytest.raises(FetchFailure, match="is not input-addressed"):
            closure_of(unreachable, b, None, True, fetcher)


def test_a_signed_path_needs_input_addressed(cache, fetcher) -> None:
    path = "/nix/store/00000000000000000000000000000001-x"
    cache.add(path, pack_contents(b"x"), signs=True)
    assert closure_of(cache.url, path, None, True, fetcher)[0] == path
    with pytest.raises(FetchFailure, match="is input-addressed, but 'inputAddressed' is set to 'false'"):
        closure_of(cache.url, path, None, False, fetcher)
    other = "/nix/store/00000000000000000000000000000002-y"
    cache.add(other, pack_contents(b"y"))
    with pytest.raises(FetchFailure, match="lacks a signature by a trusted key"):
        closure_of(cache.url, other, None, True, fetcher)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nar_hash": Hash.of_bytes(b"")}, "hash mismatch importing path"),
        ({"nar_size": 5}, "hash mismatch importing path"),
        ({"url": "../secret"}, "is not an address within the cache"),
        ({"url": "nar/none.nar.xz"}, "does not exist in binary cache"),
        ({"ca": "text:" + Hash.of_bytes(b"other").format("nix32", with_algorithm=True)}, "lacks a signature by a trusted key"),
        ({"references": ["/nix/store/00000000000000000000000000000009-none"]}, "is not valid"),
        ({"compression": "bzip2", "url": "nar/bad"}, "does not exist in binary cache"),
    ],
)
def test_a_cache_that_lies_is_refused(changes, message, cache, fetcher) -> None:
    path = cache.add_text("a", b"hello", **changes)
    with pytest.raises(FetchFailure, match=message):
        closure_of(cache.url, path, None, False, fetcher)


def test_contents_that_do_not_fit_their_path_are_refused(cache, fetcher) -> None:
    """Even if the hash of the archive is what the cache says."""
    path = str(StorePath.of_text("a", b"hello"))
    cache.add(path, pack_contents(b"evil!"), (), "text:" + Hash.of_bytes(b"hello").format("nix32", with_algorithm=True))
    with pytest.raises(FetchFailure, match="ca hash mismatch importing path"):
        closure_of(cache.url, path, None, False, fetcher)


@pytest.mark.parametrize(
    ("url", "message"),
    [("ftp://x", "only supports http:// and https:// stores"), ("http://x/?a=b", "does not support URL query parameters")],
)
def test_bad_addresses_of_caches_are_refused(url, message, fetcher) -> None:
    with pytest.raises(FetchFailure, match=message):
        BinaryCache(url, fetcher)


def test_a_cycle_of_references_is_refused(cache, fetcher) -> None:
    a, b = (f"/nix/store/0000000000000000000000000000000{number}-x" for number in (1, 2))
    cache.add(a, pack_contents(b"a"), [b], signs=True)
    cache.add(b, pack_contents(b"b"), [a], signs=True)
    with pytest.raises(FetchFailure, match="cycle detected in the references of"):
        closure_of(cache.url, a, "", False, fetcher)


def test_a_text_that_is_not_an_archive_is_refused(cache, fetcher) -> None:
    path = str(StorePath.of_text("a", b"hello"))
    cache.add(path, b"hello", (), "text:" + Hash.of_bytes(b"hello").format("nix32", with_algorithm=True))
    with pytest.raises(FetchFailure):
        closure_of(cache.url, path, None, False, fetcher)
