"""The facts that a store has about one of its objects.

In: facts.  Out: `PathInfo`, and its JSON as `nix path-info --json` prints it.
"""

from __future__ import annotations

from snowsnake.store.hash import Hash

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import dataclass, field

    from snowsnake.foundation.json_type import Json
else:
    from snowsnake.store.light_dataclass import dataclass, field


@dataclass
class CompressedArchive:
    """A binary cache's compressed archive of an object; *url* is relative to the cache's; *hash*, and *size* in bytes, of the compressed file."""

    url: str
    compression: str
    hash: Hash | None
    size: int | None


@dataclass
class PathInfo:
    """The facts about a valid path.  *nar_hash*: "sha256:" and base16; *nar_size* in bytes; *outputs*: of a derivation, paths by name.

    *is_ultimate*: it was built by the store that has it.
    """

    path: str
    nar_hash: str
    nar_size: int
    references: list[str] = field(default_factory=list)
    ca: str | None = None
    deriver: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    registration_time_s: int = 0
    is_ultimate: bool = False
    signatures: list[str] = field(default_factory=list)
    download: CompressedArchive | None = None

    @property
    def hash(self) -> Hash:
        """The hash of its archive."""
        return Hash.parse(self.nar_hash)

    def to_json(self, version: int, store_dir: str) -> dict[str, Json]:
        """Format 1 (full paths, hashes as text) or 2 (names, hashes as objects), with sorted keys."""
        is_old = version == 1

        def short(path: str) -> str:
            return path if is_old else path.rpartition("/")[2]

        found: dict[str, Json] = {
            "ca": self.ca if is_old or self.ca is None else _content_address(self.ca),
            "deriver": short(self.deriver) if self.deriver else None,
            "narHash": self.hash.sri,
            "narSize": self.nar_size,
            "references": [short(path) for path in sorted(self.references)],
            "registrationTime": self.registration_time_s or None,
            "signatures": list(self.signatures),
            "storeDir": store_dir,
            "ultimate": self.is_ultimate,
            "version": version,
        }
        if self.download is not None:
            found |= {"compression": self.download.compression, "url": self.download.url}
            if self.download.hash is not None:
                found["downloadHash"] = self.download.hash.sri
            if self.download.size:
                found["downloadSize"] = self.download.size
        return {key: found[key] for key in sorted(found)}


def archive_mismatch(path: str, specified: Hash, got: Hash) -> str:
    """2.34's message about an object that comes with an archive of another hash than its facts say."""
    hashes = [found.format("nix32", with_algorithm=True) for found in (specified, got)]
    return f"hash mismatch importing path '{path}';\n  specified: {hashes[0]}\n  got:       {hashes[1]}"


def fingerprint(path: str, nar_hash: Hash, nar_size: int, references: Iterable[str]) -> str:
    """The text that signatures of an object sign."""
    return f"1;{path};{nar_hash.format('nix32', with_algorithm=True)};{nar_size};{','.join(sorted(references))}"


def check_claims(signatures: Iterable[str], ca: str | None) -> None:
    """ValueError if a signature or the content address is not of the right form; whether they fit the object is not checked."""
    for signature in signatures:
        split_named(signature, "signature")
    if ca:
        split_content_address(ca)


def split_named(text: str, what: str) -> tuple[str, bytes]:
    """(name, data) of `NAME:BASE64`, as keys and signatures are written.

    >>> split_named("key-1:c25vdw==", "signature")
    ('key-1', b'snow')
    """
    import binascii

    name, colon, data = text.partition(":")
    try:
        raw = binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        # `binascii.Error` is a ValueError.
        raw = b""
    if not colon or not name or not raw:
        raise ValueError(f"{what} is corrupt")
    return name, raw


def split_content_address(text: str) -> tuple[str, Hash]:
    """(method, hash) of a content address; ValueError if *text* is not one.

    >>> split_content_address("fixed:r:sha1:" + "0" * 32)[0]
    'nar'
    """
    kind, _, rest = text.partition(":")
    if kind not in ("text", "fixed"):
        raise ValueError(f"'{text}' is not a content address: it begins neither with 'text:' nor with 'fixed:'")
    method = "text" if kind == "text" else "flat"
    for prefix, name in (("r:", "nar"), ("git:", "git")) if kind == "fixed" else ():
        if rest.startswith(prefix):
            method, rest = name, rest[len(prefix) :]
            break
    algorithm, colon, _ = rest.partition(":")
    if not colon or (method == "text" and algorithm != "sha256"):
        raise ValueError(f"'{text}' is not a content address: its hash has no algorithm, or one that is not allowed")
    return method, Hash.parse(rest)


def _content_address(text: str) -> dict[str, str]:
    method, content = split_content_address(text)
    return {"hash": content.sri, "method": method}
