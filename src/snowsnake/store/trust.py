"""Decides whether an object may be trusted: it was built here, is named by its contents, or is signed by trusted keys.

In: `PathInfo`s, the settings' public keys.  Out: yes or no.  Signatures are Ed25519.
"""

from __future__ import annotations

from snowsnake.store import path_info, store_path
from snowsnake.store.ed25519 import is_signature
from snowsnake.store.path import object_name
from snowsnake.store.path_info import PathInfo, split_content_address, split_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.realisation import Realisation


class PublicKeys:
    """Public keys by name.

    >>> PublicKeys.parse(["k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]).by_name["k"] == bytes(32)
    True
    """

    def __init__(self, by_name: dict[str, bytes]) -> None:
        self.by_name = by_name

    @classmethod
    def parse(cls, texts: list[str]) -> PublicKeys:
        found = {}
        for text in texts:
            name, data = split_named(text, "key")
            if len(data) != 32:
                raise ValueError("public key is not valid")
            found[name] = data
        return cls(found)

    def trust(self, info: PathInfo, needed: int, store_dir: str) -> bool:
        """Whether an object has at least *needed* good signatures, or is named by its contents.  If *needed* is 0, an object
        that was built here needs none, and any other needs one."""
        if (info.is_ultimate and not needed) or is_content_addressed(info, store_dir):
            return True
        good = sum(self.signed(info, signature, store_dir) for signature in set(info.signatures))
        return good >= max(needed, 1)

    def trust_realisation(self, realisation: Realisation) -> bool:
        """Whether one of these keys signed an output's path."""
        return any(self._signed(realisation.fingerprint, signature) for signature in set(realisation.signatures))

    def signed(self, info: PathInfo, signature: str, store_dir: str) -> bool:
        """Whether one of these keys made the *signature* of an object."""
        return self._signed(fingerprint(info).encode(), signature)

    def _signed(self, message: bytes, signature: str) -> bool:
        name, data = split_named(signature, "signature")
        key = self.by_name.get(name)
        if key is None:
            return False
        return is_signature(key, message, data)


def fingerprint(info: PathInfo) -> str:
    """The text that signatures of the object sign."""
    return path_info.fingerprint(info.path, info.hash, info.nar_size, info.references)


def is_content_addressed(info: PathInfo, store_dir: str) -> bool:
    """Whether the path is the one that follows from the content address."""
    if not info.ca:
        return False
    method, content = split_content_address(info.ca)
    name = object_name(info.path)
    others = sorted(path for path in info.references if path != info.path)
    is_own = len(others) != len(info.references)
    try:
        path = store_path.fixed_path(name, method, content.algorithm, content.digest, others, is_own, store_dir)
    except ValueError:
        return False
    return str(path) == info.path
