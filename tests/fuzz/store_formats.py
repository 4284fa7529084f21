"""Broken archives, derivations, narinfo texts, keys and signatures: each is refused with a clear error, or means the same once written again.

    python tests/fuzz/store_formats.py --count 200000 --seed 1 [--format nar|aterm|json|narinfo|path|hash|key|signature|address|output]

In: working inputs with bytes changed, dropped, doubled, swapped, and numbers made false.  A crash ends the process; any other
find is printed with its seed and the process ends with 1.  The memory is limited: a size that an input
claims must not make anything grow.  The same seed makes the same input.
"""

import argparse
import base64
import json
import os
import random
import resource
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from snowsnake.build.content_addressed import content_address
from snowsnake.store import Derivation, Hash, NarInfo, StorePath, pack, read_nar, unpack
from snowsnake.store.ed25519 import public_key
from snowsnake.store.path_info import PathInfo, split_content_address
from snowsnake.store.realisation import split_key
from snowsnake.store.removal import remove
from snowsnake.store.signing import SecretKey, sign
from snowsnake.store.trust import PublicKeys

SAMPLES = Path(__file__).resolve().parent.parent / "unit" / "store_derivations"
MEMORY_BYTES = 3 << 30
_KEY = SecretKey.parse("fuzz-1:" + base64.b64encode(bytes(32) + public_key(bytes(32))).decode())
_INFO = PathInfo("/nix/store/p4pclmv1gyja5kzc26npqpia1qqxrf0l-ruby-2.7.3", "sha256:" + "0" * 64, 1234)
_SIZES = (0, 1, 7, 8, 255, 4096, 65536, 1 << 20, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_TOKENS = (
    b"(", b")", b"type", b"regular", b"directory", b"symlink", b"executable", b"contents", b"target", b"entry", b"name", b"node",
    b"..", b".", b"/", b"a/b", b"\0", b"\xff", b"nix-archive-1", b'"', b'\\"', b"\\", b",", b"[", b"]", b"()", b"Derive(", b"\n", b": ", b":",
    b"sha256", b"r:sha256", b"text:sha256", b"git:sha1", b"impure", b"/nix/store/", b".drv", b"-", b"=", b"{", b"}", b"null", b"-1", b"1e400",
    b"NarSize: ", b"Sig: ", b"DrvWithVersion(", b"99999999999999999999",
)  # fmt: skip


def framed(text: bytes) -> bytes:
    """A string of an archive: size, bytes, padding."""
    return struct.pack("<Q", len(text)) + text + bytes(-len(text) % 8)


def mutated(source: bytes, chance: random.Random) -> bytes:
    data = bytearray(source)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        place = chance.randint(0, len(data))
        length = min(chance.choice((1, 1, 2, 8, 40)), len(data) - place)
        how = chance.randrange(9)
        if how == 0:
            token = chance.choice(_TOKENS)
            data[place : place + length] = framed(token) if chance.random() < 0.3 else token
        elif how == 1:
            data[place:place] = chance.choice(_TOKENS)
        elif how == 2:
            del data[place : place + length]
        elif how == 3 and length:
            data[place] ^= 1 << chance.randrange(8)
        elif how == 4:
            data[place:place] = data[place : place + length] * chance.choice((1, 1, 3, 200))
        elif how == 5 and len(data) >= 8:
            at = chance.randrange(len(data) // 8) * 8
            data[at : at + 8] = struct.pack("<Q", chance.choice(_SIZES))
        elif how == 6:
            del data[place:]
        elif how == 7 and length:
            other = chance.randint(0, len(data) - length)
            piece = bytes(data[place : place + length])
            data[place : place + length] = data[other : other + length]
            data[other : other + length] = piece
        elif length:
            data[place] = chance.randrange(256)
    return bytes(data)


# --- what must be true of an accepted input

def check_nar(data: bytes) -> None:
    members = [(member.path, member.kind, member.executable, member.target, member.read()) for member in read_nar(data)]
    for path, *_ in members:
        assert not path.startswith("/") and not {"..", "."} & set(path.split("/")), path
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "object")
        try:
            unpack(data, target)
        except OSError:
            # This file system does not take every name and target.
            return
        assert os.listdir(folder) == ["object"]
        again = [(m.path, m.kind, m.executable, m.target, m.read()) for m in read_nar(pack(target))]
        remove(target)
        assert again == members


def check_aterm(data: bytes) -> None:
    drv = Derivation.from_aterm(data, "x")
    shown = json.dumps(drv.to_json())
    assert isinstance(drv.drv_path, str)
    plain = [drv.system, *drv.outputs, *(name for names in drv.input_drvs.values() for name in names)]
    # C++ Nix reads escapes in these texts, but writes none.
    if not any(c in text for text in plain for c in '"\\'):
        again = Derivation.from_aterm(drv.to_aterm(), "x")
        assert again == drv and json.dumps(again.to_json()) == shown


def check_json(data: bytes) -> None:
    drv = Derivation.from_json(json.loads(data))
    assert Derivation.from_json(drv.to_json()) == drv
    assert isinstance(drv.to_aterm(), bytes)


def check_narinfo(data: bytes) -> None:
    info = NarInfo.parse(data.decode("utf-8", "surrogateescape"))
    assert NarInfo.parse(info.format()) == info
    assert info.fingerprint().startswith("1;/nix/store/")


def check_path(data: bytes) -> None:
    path = StorePath.parse(data.decode("utf-8", "surrogateescape"))
    assert str(path).encode() == data


def check_hash(data: bytes) -> None:
    found = Hash.parse(data.decode("utf-8", "surrogateescape"))
    assert Hash.parse(found.sri) == Hash.parse(found.format("nix32", with_algorithm=True)) == found


def check_key(data: bytes) -> None:
    """A public key, or a secret one whose public part fits it."""
    text = data.decode("utf-8", "surrogateescape")
    # A signature has 64 bytes.
    if text.count("=") == 2:
        secret = SecretKey.parse(text)
        assert SecretKey.parse(secret.render()) == secret
        PublicKeys.parse([secret.public])
        return
    [(name, key)] = PublicKeys.parse([text]).by_name.items()
    assert name and len(key) == 32


def check_signature(data: bytes) -> None:
    """Good only if it is the one that was made."""
    text = data.decode("utf-8", "surrogateescape")
    is_good = PublicKeys.parse([_KEY.public]).signed(_INFO, text, "/nix/store")
    good = sign(_KEY, _INFO)
    assert is_good == (text.partition(":")[0] == good.partition(":")[0] and base64.b64decode(text.partition(":")[2]) == base64.b64decode(good.partition(":")[2]))
    if not is_good:
        raise ValueError("not good")


def check_address(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    method, content = split_content_address(text)
    assert split_content_address(content_address(method, content)) == (method, content)
    assert content_address(method, content).rpartition(":")[0] == text.rpartition(":")[0]


def check_output(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    digest, name = split_key(text)
    assert f"{digest}!{name}" == text and Hash.parse(digest)


# --- working inputs

def archives() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("tree/a/deep/er", "tree/b"):
            (root / name).mkdir(parents=True)
        (root / "tree" / "a" / "file").write_bytes(b"contents" * 5)
        (root / "tree" / "a" / "deep" / "er" / "x").write_bytes(b"")
        (root / "tree" / "run").write_bytes(b"#!/bin/sh\n")
        (root / "tree" / "run").chmod(0o755)
        (root / "tree" / "link").symlink_to("../../etc/passwd")
        (root / "tree" / "é").write_bytes(b"\xff" * 9)
        return [pack(root / name) for name in ("tree", "tree/run", "tree/link", "tree/a", "tree/b")]


def derivation_texts() -> list[bytes]:
    return [path.read_bytes() for path in sorted(SAMPLES.glob("*.drv"))]


def derivation_objects() -> list[bytes]:
    return [json.dumps(Derivation.from_aterm(text, "x").to_json()).encode() for text in derivation_texts()]


def narinfo_texts() -> list[bytes]:
    path = "/nix/store/p4pclmv1gyja5kzc26npqpia1qqxrf0l-ruby-2.7.3"
    info = NarInfo(path, "nar/x.nar.xz", Hash.of_bytes(b"nar"), 1234, "xz", Hash.of_bytes(b"file"), 99, [path, path + ".dev"], path + ".drv")
    info.signatures, info.ca, info.system = ["cache-1:AAAA", "other:BBBB"], "fixed:r:sha256:" + "1" * 52, "x86_64-linux"
    return [info.format().encode(), NarInfo(path, "u", Hash.of_bytes(b"", "sha512"), 0).format().encode()]


def paths() -> list[bytes]:
    return [b"/nix/store/p4pclmv1gyja5kzc26npqpia1qqxrf0l-ruby-2.7.3", b"/nix/store/0d71ygfwbmy1xjlbj1v027dfmy9cqavy-a.drv"]


def hash_texts() -> list[bytes]:
    found = [Hash.of_bytes(b"x", name) for name in ("md5", "sha1", "sha256", "sha512", "blake3")]
    return [value.format(form, with_algorithm=True).encode() for value in found for form in ("base16", "nix32", "base64")] + [
        value.sri.encode() for value in found
    ]


def key_texts() -> list[bytes]:
    return [_KEY.public.encode(), _KEY.render().encode()]


def signature_texts() -> list[bytes]:
    return [sign(_KEY, _INFO).encode()]


def address_texts() -> list[bytes]:
    found = [Hash.of_bytes(b"x", name) for name in ("md5", "sha1", "sha256", "sha512")]
    return [content_address(method, value).encode() for value in found for method in ("flat", "nar", "git")] + [content_address("text", found[2]).encode()]


def output_texts() -> list[bytes]:
    return [b"sha256:" + b"1" * 64 + b"!out", b"sha256:" + b"0" * 64 + b"!dev"]


# From a name to (working inputs, a check of what must be true of an accepted input).
Formats = dict[str, tuple[Callable[[], list[bytes]], Callable[[bytes], None]]]
FORMATS: Formats = {
    "nar": (archives, check_nar),
    "aterm": (derivation_texts, check_aterm),
    "json": (derivation_objects, check_json),
    "narinfo": (narinfo_texts, check_narinfo),
    "path": (paths, check_path),
    "hash": (hash_texts, check_hash),
    "key": (key_texts, check_key),
    "signature": (signature_texts, check_signature),
    "address": (address_texts, check_address),
    "output": (output_texts, check_output),
}


class Run:
    """Mutations of one format.  `counts`: how many inputs were accepted and refused; `find` returns the words of a find, or an empty text.  `refusals`: how bad input is refused."""

    def __init__(self, name: str, formats: Formats = FORMATS, refusals: tuple[type[Exception], ...] = (ValueError,)) -> None:
        self.name = name
        self.refusals = refusals
        samples, self.check = formats[name]
        self.samples = samples()
        self.counts: Counter[str] = Counter()

    def input(self, seed: int) -> bytes:
        chance = random.Random(f"{self.name} {seed}")
        return mutated(chance.choice(self.samples), chance)

    def find(self, seed: int) -> str:
        data = self.input(seed)
        try:
            self.check(data)
        except self.refusals as error:
            self.counts["refused"] += 1
            return "" if str(error) else f"{self.name} {seed}: refused without a reason: {data!r}"
        except Exception as error:
            return f"{self.name} {seed}: {type(error).__name__}: {error}: {data!r}"
        self.counts["taken"] += 1
        return ""


def main(about: str | None = __doc__, formats: Formats = FORMATS, refusals: tuple[type[Exception], ...] = (ValueError,)) -> int:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the first mutation")
    parser.add_argument("--count", type=int, default=10000, help="mutations of each format")
    parser.add_argument("--format", choices=formats, action="append")
    given = parser.parse_args()
    # The sanitizer's shadow memory is larger than any limit.
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    finds = 0
    for name in given.format or formats:
        run = Run(name, formats, refusals)
        for seed in range(given.seed, given.seed + given.count):
            found = run.find(seed)
            if found:
                print(found, flush=True)
                finds += 1
        print(f"{name}: {run.counts['taken']} taken, {run.counts['refused']} refused, {finds} finds so far", flush=True)
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
