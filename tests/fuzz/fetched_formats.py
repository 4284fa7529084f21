"""Broken archives, references, lock files, registries, `flake.nix`, Git's index and settings: each is refused with a clear error, or understood.

    python tests/fuzz/fetched_formats.py --count 20000 --seed 1 [--format archive|reference|attributes|lock|registry|declaration|index|settings]

Input, output and rules are those of store_formats.py; an archive also writes nothing outside its folder.  See README.md for the runs under sanitizers.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from store_formats import Formats
from store_formats import main as run_all

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.fetch import archive
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.git_index import GitIndex
from snowsnake.fetch.git_plain import plain_settings
from snowsnake.fetch.input import Input
from snowsnake.flake.declaration import read_declaration
from snowsnake.lock.lock_file import read_lock_file
from snowsnake.lock.reference_text import parse_whole
from snowsnake.lock.registries import parse_registry
from snowsnake.store.removal import remove

REFUSALS = (FetchFailure, EvaluationError)


# --- what must be true of an accepted input

def check_archive(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as outer:
        source, target = os.path.join(outer, "archive"), os.path.join(outer, "inner/tree")
        os.mkdir(os.path.join(outer, "inner"))
        Path(source).write_bytes(data)
        try:
            archive.unpack(source, target)
            assert sorted(os.listdir(outer)) == ["archive", "inner"]
            assert os.listdir(os.path.join(outer, "inner")) == ["tree"]
            assert Path(source).read_bytes() == data
        finally:
            remove(target)


def check_reference(data: bytes) -> None:
    reference = parse_whole(data.decode("utf-8", "surrogateescape"))
    again = parse_whole(str(reference))
    assert str(again) == str(reference)
    # Its address may be that of an archive.
    assert again.input.type == reference.input.type or reference.input.type == "file"


def check_attributes(data: bytes) -> None:
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        raise FetchFailure("no JSON") from None
    if not isinstance(given, dict) or not all(isinstance(value, str | bool) or (isinstance(value, int) and value >= 0) for value in given.values()):
        raise FetchFailure("no attributes")
    made = Input.from_attrs(given)
    if made.is_known and made.is_direct:
        made.to_url()
    assert isinstance(made.is_locked, bool)


def check_lock(data: bytes) -> None:
    def read(text: bytes):
        found = read_lock_file(text, "flake.lock", lambda reference: reference.input.is_locked, lambda message: None)
        found.check()
        return found.to_text()

    assert read(read(data).encode("utf-8", "surrogateescape")) == read(data)


def check_registry(data: bytes) -> None:
    def refuse(message: str) -> None:
        raise FetchFailure(message)

    parse_registry(data, "registry.json", "user", refuse)


def check_declaration(data: bytes) -> None:
    found = read_declaration(data, "flake.nix", ".")
    assert isinstance(found.inputs, dict)


def check_index(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        for name in ("a", "d/e"):
            path = Path(root, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)
        index = GitIndex(data, root)
        if not index.is_plain:
            raise FetchFailure("libgit2 is asked")
        names = [name for name, _, _ in index.suspicious(0)]
        for name in names[:3]:
            assert index.has(name)
            index.mark(name, True)
            assert not index.has(name)
        assert all(name and b"/" not in name for name, _ in index.entries(b""))
        try:
            index.nar_digest()
        except OSError:
            raise FetchFailure("a file is not there") from None


def check_settings(data: bytes) -> None:
    found = plain_settings(data.decode("utf-8", "surrogateescape"))
    if found is None:
        raise FetchFailure("libgit2 is asked")
    assert all(isinstance(value, str) for value in found.values())


# --- working inputs

def archives() -> list[bytes]:
    found = []
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as made:
            for name, kind, link in (("top/", tarfile.DIRTYPE, ""), ("top/a", tarfile.REGTYPE, ""), ("top/l", tarfile.SYMTYPE, "a"),
                                     ("top/h", tarfile.LNKTYPE, "top/a"), ("top/" + "n" * 90 + "/x", tarfile.REGTYPE, "")):  # fmt: skip
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.mtime = kind, link, 1_000_000
                data = b"contents" if kind == tarfile.REGTYPE else b""
                member.size = len(data)
                made.addfile(member, io.BytesIO(data))
        plain = out.getvalue()[:8192]
        found += [plain, gzip.compress(plain, mtime=0), bz2.compress(plain), lzma.compress(plain)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("top/a", "contents" * 9)
        packed.writestr("top/b/", "")
        link = zipfile.ZipInfo("top/l")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, "a")
    return [*found, out.getvalue()]


def references() -> list[bytes]:
    hash = "sha256-" + "A" * 43 + "%3D"
    rev = "0123456789abcdef0123456789abcdef01234567"
    return [text.encode() for text in (
        "nixpkgs", "flake:nixpkgs/release-24.05", f"nixpkgs/master/{rev}", "github:o/r", f"github:o/r/{rev}?dir=a/b&host=x.org",
        "gitlab:o%2Fg/r?ref=main", "sourcehut:~o/r", f"git+https://x.org/r?ref=main&rev={rev}&submodules=1&shallow=1", "git+ssh://u@x.org:22/r.git",
        f"path:/a/b?narHash={hash}&lastModified=7&rev={rev}", "path:./a", "/a/b?dir=c", f"tarball+https://x.org/a.tar.gz?narHash={hash}",
        "https://x.org/a.zip", "file+http://[::1]:80/x?name=y", "hg+https://x.org/r?ref=tip", "git+file:///a/b%20c?allRefs=1&lfs=1&exportIgnore=1",
    )]  # fmt: skip


def attribute_sets() -> list[bytes]:
    rev = "0123456789abcdef0123456789abcdef01234567"
    return [json.dumps(given).encode() for given in (
        {"type": "github", "owner": "o", "repo": "r", "rev": rev, "host": "x.org", "treeHash": rev},
        {"type": "git", "url": "https://x.org/r", "ref": "main", "rev": rev, "submodules": True, "shallow": False, "revCount": 4, "lfs": True},
        {"type": "path", "path": "/a", "narHash": "sha256-" + "A" * 43 + "=", "lastModified": 1},
        {"type": "tarball", "url": "https://x.org/a.tar", "unpack": True, "name": "n"}, {"type": "indirect", "id": "nixpkgs", "ref": "main"},
        {"type": "hg", "url": "https://x.org/r", "rev": rev}, {"type": "file", "url": "file:///a"}, {"type": "sourcehut", "owner": "~o", "repo": "r"},
    )]  # fmt: skip


def lock_files() -> list[bytes]:
    locked = {"type": "github", "owner": "o", "repo": "r", "rev": "0" * 39 + "1", "narHash": "sha256-" + "A" * 43 + "=", "lastModified": 5}
    original = {"type": "github", "owner": "o", "repo": "r"}
    node = {"locked": locked, "original": original}
    relative = {"locked": {"type": "path", "path": "./x"}, "original": {"type": "path", "path": "./x"}, "parent": []}
    nodes = {"root": {"inputs": {"a": "a", "c": ["a", "b"], "p": "p"}}, "a": node | {"inputs": {"b": "b"}}, "b": node | {"flake": False}, "p": relative}
    old = {"root": {"inputs": {"a": "a"}}, "a": {"locked": original | {"rev": "0" * 40}, "original": original, "info": {"narHash": locked["narHash"]}}}
    return [json.dumps({"version": version, "root": "root", "nodes": found}, indent=2).encode() for version, found in ((7, nodes), (6, nodes), (5, old))]


def registries() -> list[bytes]:
    rows = [{"from": {"type": "indirect", "id": "n"}, "to": {"type": "github", "owner": "o", "repo": "r", "dir": "d"}, "exact": True},
            {"from": {"type": "indirect", "id": "m", "ref": "x"}, "to": {"type": "path", "path": "/a"}}]  # fmt: skip
    return [json.dumps({"version": 2, "flakes": rows}).encode()]


def declarations() -> list[bytes]:
    return [b"""{ description = "d"; nixConfig = { a = "b"; c = [ "x" ]; d = true; e = 5; f = ./p; };
  inputs = { a.url = "github:o/r"; a.flake = false; b = { type = "git"; url = "https://x.org"; submodules = true; inputs.c.follows = "a"; };
    c.follows = "b/c"; self.submodules = true; "d".url = ./x; };
  outputs = { self, a, b ? null, ... }@inputs: rec { x = "${a}"; y = x; }; }""", b"{ outputs = _: { }; }"]  # fmt: skip


def indexes() -> list[bytes]:
    """Written as Git writes them: entries in order, padded to eight bytes, the cache of trees, the hash of it all."""
    found = []
    for version, names in ((2, ["a", "d/e"]), (3, ["a"]), (2, ["a", "a-b", "a.b/x", "d/e", "d/e/f", "link", "zz"])):
        data = b"DIRC" + struct.pack(">II", version, len(names))
        for name in names:
            mode = 0o120000 if name == "link" else 0o100755 if name == "zz" else 0o100644
            entry = struct.pack(">10I", 1, 2, 3, 4, 5, 6, mode, 0, 0, len(name)) + hashlib.sha1(name.encode()).digest()
            flags = len(name) | (0x4000 if version == 3 else 0)
            entry += struct.pack(">H", flags) + (struct.pack(">H", 0) if version == 3 else b"") + name.encode()
            data += entry + bytes(8 - len(entry) % 8)
        tree = b"\0%d 0\n" % len(names) + bytes(20)
        data += b"TREE" + struct.pack(">I", len(tree)) + tree
        found.append(data + hashlib.sha1(data).digest())
    return found


def settings_files() -> list[bytes]:
    return [b'[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n[remote "origin"]\n\turl = https://x.org/r\n# c\n\tfetch = +refs/heads/*:x\n',
            b"; c\n[user]\n  name = A B\n[core]\n  autocrlf\n"]  # fmt: skip


FORMATS: Formats = {
    "archive": (archives, check_archive),
    "reference": (references, check_reference),
    "attributes": (attribute_sets, check_attributes),
    "lock": (lock_files, check_lock),
    "registry": (registries, check_registry),
    "declaration": (declarations, check_declaration),
    "index": (indexes, check_index),
    "settings": (settings_files, check_settings),
}

if __name__ == "__main__":
    sys.exit(run_all(__doc__, FORMATS, REFUSALS))
