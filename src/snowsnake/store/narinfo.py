"""`.narinfo`: a binary cache's description of one store path.

In: the text of a `.narinfo`, hostile or not.  Out: `NarInfo`, and its text again.  Bad input is a ValueError.
"""

from __future__ import annotations

from snowsnake.foundation.record import Whole
from snowsnake.store.hash import Hash
from snowsnake.store.path import STORE_DIR, check_path
from snowsnake.store.path_info import check_claims, fingerprint

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

_MAX_SIZE_BYTES = (1 << 63) - 1


@dataclass
class NarInfo(Whole):
    """One `.narinfo`.  Sizes are bytes; hashes are of the archive (`nar_`) and of the compressed file (`file_`).

    >>> info = NarInfo("/nix/store/00000000000000000000000000000000-x", "nar/x.nar", Hash.of_bytes(b""), 0, compression="none")
    >>> NarInfo.parse(info.format()) == info
    True
    """

    path: str
    url: str
    nar_hash: Hash
    nar_size: int
    # A text without this field means `bzip2`, as in Nix.
    compression: str = "bzip2"
    file_hash: Hash | None = None
    file_size: int | None = None
    references: list[str] = field(default_factory=list)
    deriver: str | None = None
    signatures: list[str] = field(default_factory=list)
    ca: str | None = None
    system: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.path, str) and isinstance(self.url, str) and isinstance(self.nar_hash, Hash) and isinstance(self.nar_size, int)):
            raise TypeError("a NarInfo has a path and a url (str), a nar_hash (Hash) and a nar_size (int)")

    @classmethod
    def parse(cls, text: str, store_dir: str = STORE_DIR) -> NarInfo:
        """Reads the text of a `.narinfo`; ValueError if it is corrupt.  Unknown fields are ignored; a known one may not occur twice, except `Sig`."""
        fields: dict[str, str] = {}
        signatures: list[str] = []
        if text and not text.endswith("\n"):
            raise _corrupt("it does not end with a newline")
        for number, line in enumerate(text.split("\n")[:-1], 1):
            key, colon, value = line.partition(": ")
            if not colon:
                key, colon, value = line.partition(":")
            if not colon or not key or (value.strip() != value and key != "References"):
                raise _corrupt(f"line {number} is not of the form 'Key: value'")
            if key == "Sig":
                signatures.append(value)
            elif key in fields and key in _KNOWN:
                raise _corrupt(f"'{key}' is there twice")
            else:
                fields[key] = value
        for key in ("StorePath", "URL", "NarHash", "NarSize"):
            if not fields.get(key):
                raise _corrupt(f"'{key}' is missing")
        deriver = fields.get("Deriver")
        try:
            check_claims(signatures, fields.get("CA"))
        except ValueError as error:
            raise _corrupt(str(error)) from None
        return cls(
            path=_path(fields["StorePath"], store_dir),
            url=fields["URL"],
            nar_hash=_hash(fields["NarHash"], "NarHash"),
            nar_size=_size(fields["NarSize"], "NarSize"),
            compression=fields.get("Compression") or "bzip2",
            file_hash=_hash(fields["FileHash"], "FileHash") if "FileHash" in fields else None,
            file_size=_size(fields["FileSize"], "FileSize") if "FileSize" in fields else None,
            references=[_base(name, store_dir) for name in dict.fromkeys(fields.get("References", "").split(" ")) if name],
            deriver=_base(deriver, store_dir) if deriver and deriver != "unknown-deriver" else None,
            signatures=signatures,
            ca=fields.get("CA") or None,
            system=fields.get("System"),
        )

    def format(self) -> str:
        """The text of the file."""
        lines = [f"StorePath: {self.path}", f"URL: {self.url}", f"Compression: {self.compression}"]
        if self.file_hash is not None:
            lines.append(f"FileHash: {self.file_hash.format('nix32', with_algorithm=True)}")
        if self.file_size is not None:
            lines.append(f"FileSize: {self.file_size}")
        lines.append(f"NarHash: {self.nar_hash.format('nix32', with_algorithm=True)}")
        lines.append(f"NarSize: {self.nar_size}")
        lines.append("References: " + " ".join(path.rpartition("/")[2] for path in self.references))
        if self.deriver is not None:
            lines.append(f"Deriver: {self.deriver.rpartition('/')[2]}")
        if self.system is not None:
            lines.append(f"System: {self.system}")
        lines.extend(f"Sig: {signature}" for signature in self.signatures)
        if self.ca is not None:
            lines.append(f"CA: {self.ca}")
        return "\n".join(lines) + "\n"

    def fingerprint(self) -> str:
        """The text that signatures sign."""
        return fingerprint(self.path, self.nar_hash, self.nar_size, self.references)


_KNOWN = {
    "StorePath", "URL", "Compression", "FileHash", "FileSize", "NarHash", "NarSize", "References", "Deriver", "System", "CA",
}


def _corrupt(what: str) -> ValueError:
    return ValueError(f"NAR info file is corrupt: {what}")


def _path(text: str, store_dir: str) -> str:
    try:
        check_path(text, store_dir)
    except ValueError as error:
        raise _corrupt(str(error)) from None
    return text


def _base(name: str, store_dir: str) -> str:
    return _path(f"{store_dir}/{name}", store_dir)


def _hash(text: str, key: str) -> Hash:
    try:
        return Hash.parse(text)
    except ValueError as error:
        raise _corrupt(f"{key}: {error}") from None


def _size(text: str, key: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > _MAX_SIZE_BYTES:
        raise _corrupt(f"'{key}' is not a size in bytes: {text[:40]!r}")
    return int(text)
