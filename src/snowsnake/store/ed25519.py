"""Ed25519 signatures (RFC 8032): by libsodium, as C++ Nix does (the package `pynacl`), if it is installed; otherwise by plain arithmetic, which
takes ten times as long.

In: a public key of 32 bytes, a message, a signature of 64; or the seed of a secret key.  Out: whether the signature is valid; a signature.
Both refuse what libsodium refuses: encodings that are not the shortest, and points of a small order, which would fit many messages.
"""

from __future__ import annotations

import hashlib
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    x = (a[1] - a[0]) * (b[1] - b[0]) % _P
    y = (a[1] + a[0]) * (b[1] + b[0]) % _P
    t = 2 * a[3] * b[3] * _D % _P
    z = 2 * a[2] * b[2] % _P
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point = _add(point, point)
        number >>= 1
    return found


def _x_of(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    if (x * x - square) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


@cache
def _sodium() -> ModuleType | None:
    """`nacl.bindings`, which is imported for the first signature; None if it is not installed."""
    try:
        from nacl import bindings
    except ImportError:
        return None
    return bindings


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the key signed the message.

    >>> key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    >>> good = bytes.fromhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    ...                      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
    >>> is_signature(key, b"", good), is_signature(key, b"x", good)
    (True, False)
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    sodium = _sodium()
    if sodium is None:
        return _is_signature(public_key, message, signature)
    from nacl.exceptions import BadSignatureError

    try:
        sodium.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def _is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """What `is_signature` returns, by plain arithmetic."""
    assert _BASE is not None
    number = int.from_bytes(signature[32:], "little")
    key, point = _point(public_key), _point(signature[:32])
    if number >= _L or key is None or point is None or _has_small_order(key) or _has_small_order(point):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    return _encoded(_times(number, _BASE)) == _encoded(_add(point, _times(challenge, key)))


def _has_small_order(point: Point) -> bool:
    """Whether eight times the point is the neutral element, whose x is 0 and whose y is 1."""
    x, y, z, _ = _times(8, point)
    return x == 0 and y == z


def _secret_scalar(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254, digest[32:]


def public_key(seed: bytes) -> bytes:
    """The public key that belongs to a secret key.  *seed*: the 32 bytes of the secret key.

    >>> public_key(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))[:4].hex()
    'd75a9801'
    """
    sodium = _sodium()
    if sodium is not None:
        return bytes(sodium.crypto_sign_seed_keypair(seed)[0])
    return _public_key(seed)


def _public_key(seed: bytes) -> bytes:
    """What `public_key` returns, by plain arithmetic."""
    assert _BASE is not None
    return _encoded(_times(_secret_scalar(seed)[0], _BASE))


def signature(seed: bytes, public: bytes, message: bytes) -> bytes:
    """The signature of a message, always the same one for a key.  *seed*: the 32 bytes of the secret key; *public*: those of the public one."""
    sodium = _sodium()
    if sodium is not None:
        return bytes(sodium.crypto_sign(message, seed + public)[:64])
    return _signature(seed, public, message)


def _signature(seed: bytes, public: bytes, message: bytes) -> bytes:
    """What `signature` returns, by plain arithmetic."""
    assert _BASE is not None
    scalar, prefix = _secret_scalar(seed)
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % _L
    r = _encoded(_times(nonce, _BASE))
    challenge = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % _L
    return r + ((nonce + challenge * scalar) % _L).to_bytes(32, "little")
