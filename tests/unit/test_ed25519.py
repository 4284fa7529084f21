"""Signatures: the examples of RFC 8032; libsodium and plain arithmetic both refuse everything that C++ Nix's libsodium refuses."""

from __future__ import annotations

import hashlib
import random

import pytest

from snowsnake.store import ed25519

# Section 7.1 of RFC 8032: secret key, public key, message, signature.
EXAMPLES = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip

# Every point whose order is 1, 2, 4 or 8, as bytes; some also in a form that is not below the modulus.
P = 2**255 - 19
EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL_ORDER = [
    number | sign << 255 for number in (0, 1, EIGHTH, P - EIGHTH, P - 1, P, P + 1) for sign in (0, 1)
]  # fmt: skip


@pytest.fixture(params=["libsodium", "plain"], autouse=True)
def way(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(ed25519, "_sodium", lambda: None)
    elif ed25519._sodium() is None:
        pytest.skip("pynacl is not installed")


@pytest.mark.parametrize("secret, public, message, signature", EXAMPLES)
def test_the_examples_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    seed, key, text, signed = map(bytes.fromhex, (secret, public, message, signature))
    assert ed25519.public_key(seed) == key
    assert ed25519.signature(seed, key, text) == signed
    assert ed25519.is_signature(key, text, signed)


def test_what_is_signed_is_accepted_and_every_changed_bit_refused() -> None:
    random_ = random.Random(0)
    for number in range(12):
        seed, message = random_.randbytes(32), random_.randbytes(number * 7)
        key = ed25519.public_key(seed)
        good = ed25519.signature(seed, key, message)
        assert (key, good) == (ed25519._public_key(seed), ed25519._signature(seed, key, message))
        assert ed25519.is_signature(key, message, good)
        for place in (random_.randrange(256), 256 + random_.randrange(256)):
            bad = (int.from_bytes(good, "little") ^ 1 << place).to_bytes(64, "little")
            assert not ed25519.is_signature(key, message, bad)
        assert not ed25519.is_signature(key, message + b"x", good)
        assert not ed25519.is_signature(ed25519.public_key(random_.randbytes(32)), message, good)


@pytest.mark.parametrize("number", SMALL_ORDER)
def test_a_point_of_a_small_order_signs_nothing(number: int) -> None:
    """A signature with such a key or point would fit several messages."""
    point = (number % 2**256).to_bytes(32, "little")
    decoded = ed25519._point(point)
    assert decoded is None or ed25519._encoded(ed25519._times(8, decoded)) == (1).to_bytes(32, "little")
    seed = bytes(32)
    key = ed25519.public_key(seed)
    scalar, _ = ed25519._secret_scalar(seed)
    hashed = int.from_bytes(hashlib.sha512(point + key + b"x").digest(), "little")
    made = point + (hashed * scalar % ed25519._L).to_bytes(32, "little")
    assert not ed25519.is_signature(key, b"x", made)
    for message in range(16):
        assert not ed25519.is_signature(point, bytes([message]), point + bytes(32))
        assert not ed25519.is_signature(point, bytes([message]), (1).to_bytes(32, "little") + bytes(32))


def test_signatures_of_another_form_are_refused() -> None:
    seed, key, message, signature = map(bytes.fromhex, EXAMPLES[1])
    greater = (int.from_bytes(signature[32:], "little") + ed25519._L).to_bytes(32, "little")
    assert not ed25519.is_signature(key, message, signature[:32] + greater)
    for size in (0, 31, 33, 63, 65, 128):
        assert not ed25519.is_signature(key, message, (signature * 2)[:size])
        assert not ed25519.is_signature((key * 4)[:size] if size != 32 else b"", message, signature)
