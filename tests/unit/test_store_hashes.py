"""Hash functions agree with hashlib and Nix; texts of hashes and their errors are those of Nix 2.34."""

import base64
import hashlib
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowsnake.store import Hash, convert_hash, hashing, nar

EMPTY = hashlib.sha256(b"").hexdigest()
SIZES = [*range(260), 1023, 1024, 1025, 2048, 2049, 5000, 70000]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_digests_are_those_of_hashlib(algorithm):
    chance = random.Random(1)
    for size in SIZES:
        data = chance.randbytes(size)
        expected = hashlib.new(algorithm, data).digest()
        assert hashing.digest(algorithm, data) == expected
        assert hashing.digest(algorithm, data, portable=True) == expected
        stream = hashing.HashStream(algorithm)
        for start in range(0, size, 37):
            stream.update(data[start : start + 37])
        assert stream.digest() == expected and stream.size == size


EACH_LIBRARY = """
import hashlib, sys, types
from snowsnake.store import hashing

asked = []
original, hashlib.new = hashlib.new, lambda name, **options: asked.append(name) or original(name, **options)
if sys.argv[1:] == ["hidden"]:
    sys.modules["_hashlib"] = types.ModuleType("_hashlib")
for algorithm in ("md5", "sha1", "sha512"):
    for size in (0, 1, 55, 56, 111, 112, 128, 5000, 70000):
        data = bytes(range(256)) * 300
        data = data[:size]
        expected = getattr(hashlib, algorithm)(data).digest()
        assert hashing.digest(algorithm, data) == expected
        stream = hashing.HashStream(algorithm)
        for start in range(0, size, 37):
            stream.update(data[start : start + 37])
            stream.digest()
        assert stream.digest() == expected
print(sorted(set(asked)))
"""


@pytest.mark.parametrize(("arguments", "asked"), [([], []), (["hidden"], ["md5", "sha1", "sha512"])])
def test_hashes_are_libcryptos_where_it_is_found_and_else_those_of_hashlib(arguments, asked):
    """As in Pythons that have a libcrypto inside (`hidden`): in a process of its own, which has not looked for it yet."""
    _hashlib = pytest.importorskip("_hashlib")
    if not hasattr(_hashlib, "__file__"):
        pytest.skip("this Python has its libcrypto inside, or none")
    done = subprocess.run([sys.executable, "-c", EACH_LIBRARY, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{asked}\n"), done.stderr


# From n to builtins.hashString "blake3" of the numbers 0 … n - 1, written one after the other, in Nix 2.34.
BLAKE3 = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "4d067153ac729a4a7e8220c97935ffba67487860d58298ceeb23864369867d9f",
    100: "05e6538d7b485f218727e9214237fb52ebfaa03eef4f356c89d4de92af201972",
    400: "218b1212a9af474d8a22995e853cbc66b56f61dc6ff6c38ed4fde6a68b67f2f8",
    1000: "4bdc043935f47ad26463352eea7c48a1d60e8ffe7bb0afa8167e83528e2d7c7c",
    1500: "5726c2297277fc89892f66acbf3ee771b97477a913323733533e70b44310e967",
    3000: "2aab1df88375e04a49ae088be36ef9a874ca0810bd066e3f59cca8435af6041d",
}


@pytest.mark.parametrize("count", BLAKE3)
def test_blake3_hashes_are_those_of_its_specification(count):
    data = "".join(map(str, range(count))).encode()
    assert hashing.digest("blake3", data).hex() == BLAKE3[count]
    for piece in (1, 64, 65, 1024, 4096):
        stream = hashing.HashStream("blake3")
        for start in range(0, len(data), piece):
            stream.update(data[start : start + piece])
        assert stream.digest().hex() == BLAKE3[count]


def test_a_file_has_its_digest_and_size(tmp_path):
    file = tmp_path / "data"
    file.write_bytes(b"x" * 200_000)
    assert hashing.file_digest("sha256", file) == (hashlib.sha256(b"x" * 200_000).digest(), 200_000)
    with pytest.raises(OSError, match="No such file"):
        hashing.file_digest("sha256", tmp_path / "nothing")
    with pytest.raises(OSError, match="Is a directory"):
        hashing.file_digest("sha256", tmp_path)


def test_hashes_are_converted_between_all_forms():
    forms = {
        "base16": EMPTY,
        "nix32": "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
        "base64": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "sri": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    }
    for text in forms.values():
        for to, expected in forms.items():
            assert convert_hash(text, to, "sha256") == expected
    assert convert_hash("sha256:" + EMPTY.upper(), "base16") == EMPTY
    assert convert_hash("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "base16") == EMPTY
    assert convert_hash("md5-1B2M2Y8AsgTpgAmY7PhCfg==", "nix32") == "3y8bwfr609h3lh9ch0izcqq7fl"
    assert Hash.parse(forms["sri"]).format("nix32", with_algorithm=True) == "sha256:" + forms["nix32"]


# A text, an algorithm, and the message of Nix 2.34.
ERRORS = [
    ("", None, "hash '' does not include a type, nor is the type otherwise known from context"),
    ("", "sha256", "hash '' has wrong length for hash algorithm 'sha256'"),
    ("abc", None, "hash 'abc' does not include a type, nor is the type otherwise known from context"),
    ("sha256:abc", None, "hash 'abc' has wrong length for hash algorithm 'sha256'"),
    ("sha256-abc", None, "invalid SRI hash 'abc', length 2 != expected length 32"),
    ("sha256-!!!!", None, "invalid SRI hash '!!!!', length 0 != expected length 32"),
    ("sha257:abc", "sha256", "unknown hash algorithm 'sha257', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'"),
    ("-47DEQpj8HBSa", None, "unknown hash algorithm '', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'"),
    ("sha256:g" + EMPTY[1:], None, f"invalid base16 hash 'g{EMPTY[1:]}', length 0 != expected length 32"),
    ("sha256:" + "z" * 52, None, f"invalid nix32 hash '{'z' * 52}', length 33 != expected length 32"),
    ("sha256:!" + "z" * 51, None, f"invalid nix32 hash '!{'z' * 51}', length 0 != expected length 32"),
    ("sha256:!" + "A" * 42 + "=", None, f"invalid Base64 hash '!{'A' * 42}=', length 0 != expected length 32"),
    ("sha1:" + EMPTY, None, f"hash '{EMPTY}' has wrong length for hash algorithm 'sha1'"),
    ("sha1:" + EMPTY, "sha256", f"hash 'sha1:{EMPTY}' should have type 'sha256'"),
    ("md5-1B2M2Y8AsgTpgAmY7PhCfg==", "sha256", "hash 'md5-1B2M2Y8AsgTpgAmY7PhCfg==' should have type 'sha256'"),
]


@pytest.mark.parametrize("text, algorithm, message", ERRORS)
def test_bad_hashes_have_the_messages_of_nix(text, algorithm, message):
    with pytest.raises(ValueError) as caught:
        Hash.parse(text, algorithm)
    assert str(caught.value) == message


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="unknown hash format 'base17', expect 'base16', 'base32', 'base64', or 'sri'"):
        convert_hash("sha256:" + EMPTY, "base17")


def test_hash_refuses_a_wrong_size():
    with pytest.raises(ValueError, match="has 32 bytes, this one 3"):
        Hash("sha256", b"abc")


@given(st.binary(max_size=200))
def test_base32_reads_back_what_it_writes(data):
    assert hashing.decode_base32(hashing.encode_base32(data)) == data


@given(st.sampled_from(["md5", "sha1", "sha256", "sha512", "blake3"]), st.binary(max_size=50))
def test_every_text_reads_back(algorithm, data):
    value = Hash.of_bytes(data, algorithm)
    assert Hash.parse(value.sri) == value
    assert value.base64 == base64.b64encode(value.digest).decode()
    for encoding in ("base16", "nix32", "base64"):
        assert Hash.parse(value.format(encoding), algorithm) == value
        assert Hash.parse(value.format(encoding, with_algorithm=True)) == value


@given(st.text(max_size=120), st.sampled_from([None, "md5", "sha512"]))
def test_any_text_gives_a_hash_or_an_error(text, algorithm):
    for candidate in (text, "sha256:" + text, "sha512-" + text):
        try:
            found = Hash.parse(candidate, algorithm)
        except ValueError:
            continue
        assert Hash.parse(found.sri) == found


def test_a_path_with_a_zero_byte_names_no_file(tmp_path):
    """C functions would read the file whose name ends at the zero byte."""
    (tmp_path / "a").write_bytes(b"contents")
    for read in (
        lambda path: Hash.of_file(path), lambda path: Hash.of_path(path), lambda path: nar.open_below(os.fsencode(path), 0, os.O_RDONLY),
        lambda path: nar.mode_below(os.fsencode(path), 0),
    ):  # fmt: skip
        with pytest.raises((ValueError, OSError), match="null byte|NUL byte"):
            read(f"{tmp_path}/a\0b")
