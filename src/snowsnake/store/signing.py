"""Keys that sign store objects: making, reading and using them.

In: `NAME:BASE64` of a secret key (64 bytes: the seed and the public key), facts about objects.  Out: `NAME:BASE64` of signatures and public keys.
"""

from __future__ import annotations

import base64
import binascii
import os

from snowsnake.store import ed25519
from snowsnake.store.path_info import PathInfo
from snowsnake.store.trust import fingerprint

# Type checkers take this for true.  store/light_dataclass.py says why it is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass


class NotSecret(ValueError):
    """The text is that of a key, but the key does not have the length of a secret one."""


@dataclass(frozen=True)
class SecretKey:
    """One key that signs."""

    name: str
    data: bytes

    @classmethod
    def parse(cls, text: str) -> SecretKey:
        """Reads `NAME:BASE64`; ValueError if it is not a key, NotSecret if it is not a secret one."""
        name, colon, rest = text.strip().partition(":")
        try:
            data = base64.b64decode(rest, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if not colon or not name or not data:
            raise ValueError("key is corrupt")
        if len(data) != 64:
            raise NotSecret("secret key is not valid")
        return cls(name, data)

    @classmethod
    def read(cls, path: str) -> SecretKey:
        """Reads the key in a file; OSError or ValueError if there is none."""
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return cls.parse(file.read())

    @classmethod
    def new(cls, name: str) -> SecretKey:
        """Makes a new key, from the system's random numbers."""
        seed = os.urandom(32)
        return cls(name, seed + ed25519.public_key(seed))

    def render(self) -> str:
        """The secret key as `NAME:BASE64`."""
        return f"{self.name}:{base64.b64encode(self.data).decode()}"

    def sign(self, message: bytes) -> str:
        """The signature of a message, as `NAME:BASE64`."""
        made = ed25519.signature(self.data[:32], self.data[32:], message)
        return f"{self.name}:{base64.b64encode(made).decode()}"

    @property
    def public(self) -> str:
        """The public key, as `NAME:BASE64`."""
        return f"{self.name}:{base64.b64encode(self.data[32:]).decode()}"


def sign(key: SecretKey, info: PathInfo) -> str:
    """The signature of an object.

    >>> key = SecretKey.parse("k:" + base64.b64encode(bytes(32) + ed25519.public_key(bytes(32))).decode())
    >>> from snowsnake.store.trust import PublicKeys
    >>> info = PathInfo("/nix/store/00000000000000000000000000000000-x", "sha256:" + "0" * 64, 1)
    >>> PublicKeys.parse([key.public]).signed(info, sign(key, info), "/nix/store")
    True
    """
    return key.sign(fingerprint(info).encode("utf-8", "surrogateescape"))
