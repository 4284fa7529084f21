"""Flake references as values: from attributes and URLs, and back to text.  `reference_text.py` parses them.

In: attributes, URLs, paths, JSON.  Out: a `Reference`, or its other forms; `MalformedInput` in C++ Nix's words.
A reference is an input (what a scheme of fetch/ knows) and the folder in it that has the flake.
"""

from __future__ import annotations

from snowsnake.fetch.addresses import Address, Authority, parse_address
from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, Attributes, address_of, attributes_of, check_attributes, shown
from snowsnake.foundation.arguments import a_mapping, exact
from snowsnake.foundation.record import Whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


class Reference(Whole):
    """An input, and the folder (`dir`) of the flake in its tree.  Immutable.

    >>> reference = Reference.of_attributes({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "dir": "lib"})
    >>> str(reference), reference.folder
    ('github:NixOS/nixpkgs?dir=lib', 'lib')
    """

    __slots__ = ("input", "folder")

    def __init__(self, input: Input, folder: str = "") -> None:
        if not issubclass(type(input), Input):
            raise TypeError(f"the input of a reference is an Input, not {type(input).__name__}")
        self.input = input
        self.folder = folder

    @classmethod
    def of_attributes(cls, attributes: Attributes, features: Container[str] = DEFAULT_FEATURES) -> Reference:
        """The reference in a set as lock files have it; attributes of unknown schemes are kept as they are."""
        attributes = {name: exact(value) for name, value in a_mapping("a reference", attributes, "names to texts and numbers").items()}
        folder = _folder_of(attributes)
        return cls(Input.from_attrs({name: value for name, value in attributes.items() if name != "dir"}, features), folder)

    def to_attributes(self) -> Attributes:
        """The attributes with `dir`, sorted, as lock files have them."""
        found = dict(self.input.attrs)
        if self.folder:
            found.setdefault("dir", self.folder)
        return {name: found[name] for name in sorted(found)}

    def to_text(self) -> str:
        """The reference as a user writes it on a command line."""
        return self.input.to_url({"dir": self.folder} if self.folder else None)

    __str__ = to_text

    def __repr__(self) -> str:
        return f"Reference({self.input.attrs!r}, {self.folder!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return self.folder == other.folder and self.input == other.input

    def __hash__(self) -> int:
        return hash((self.folder, self.input))

    def canonical(self) -> Reference:
        """The reference without `?dir=` in its URL, which old lock files have in addition to the attribute `dir`."""
        url = self.input.attrs.get("url")
        if not isinstance(url, str):
            return self
        try:
            address = parse_address(url, lenient=True)
        except MalformedAddress:
            return self
        query = dict(address.query)
        if self.folder and query.get("dir") == self.folder:
            del query["dir"]
        return Reference(self.input.with_attrs(url=address.replaced(address.scheme, query).to_text()), self.folder)


def _folder_of(attributes: Attributes) -> str:
    if "type" not in attributes:
        raise MalformedInput("'type' attribute to specify input scheme is required but not provided")
    folder = attributes.get("dir", "")
    if not isinstance(folder, str):
        raise MalformedInput(f"input attribute 'dir' is not a string {shown(attributes)}")
    return folder


def of_address(address: Address, is_flake: bool = True, features: Container[str] = DEFAULT_FEATURES) -> Reference:
    """The reference that a URL means; `is_flake`: a URL that does not name the scheme of an input (`https://…`) is an archive."""
    query = dict(address.query)
    folder = query.pop("dir", "")
    plain = Address(address.scheme, address.authority, address.parts, query)
    return Reference(Input(attributes_of(plain, is_flake, features), features), folder)


def of_path(path: str, query: dict[str, str], is_flake: bool = True, features: Container[str] = DEFAULT_FEATURES) -> Reference:
    """The reference of a folder, with the parameters after its `?`."""
    authority = Authority(None, None, "", None) if path.startswith("/") else None
    return of_address(Address("path", authority, path.split("/"), query), is_flake, features)


def to_text(given: Attributes, features: Container[str] = DEFAULT_FEATURES) -> str:
    """The text of the reference that attributes describe.

    >>> to_text({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "23.05", "dir": "lib"})
    'github:NixOS/nixpkgs/23.05?dir=lib'
    """
    folder = _folder_of(given)
    attributes = {name: given[name] for name in sorted(given) if name != "dir"}
    check_attributes(attributes, features)
    return address_of(attributes, {"dir": folder} if folder else None, features)


# ---- what lock files and registries have in common, which C++ Nix reads from JSON without looking closely ------------

def attributes_of_json(row: object) -> Attributes:
    """The attributes of an input; none if *row* is not an object.  A number is one of 64 bits without a sign, and its fraction does not count;
    of one that does not fit, 2.34.8 makes 0 or the highest bit on x86.

    >>> attributes_of_json({"type": "git", "lastModified": -1, "revCount": 1.5, "shallow": True, "x": 1e30, "y": -1e30})
    {'type': 'git', 'lastModified': 18446744073709551615, 'revCount': 1, 'shallow': True, 'x': 0, 'y': 9223372036854775808}
    """
    found: Attributes = {}
    for name, value in row.items() if isinstance(row, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            # Infinity means that the number is too large for a float.
            if abs(value) == float("inf"):
                raise MalformedInput("unsupported input attribute type in lock file")
            value = int(value) % (1 << 64) if -(1 << 63) <= value < 1 << 64 else 0 if value > 0 else 1 << 63
        if not isinstance(value, str | int | bool):
            raise MalformedInput("unsupported input attribute type in lock file")
        found[name] = value
    return found


def version_of_json(document: object) -> int:
    """The version number of a document: an integer of 32 bits; 0 if there is none.  Raises ValueError if it is not a number.

    >>> version_of_json({"version": 7.9}), version_of_json({})
    (7, 0)
    """
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    version = document.get("version", 0)
    if not isinstance(version, int | float):
        raise ValueError("'version' is not a number")
    # Like C++ Nix's library, a number that is not an integer of 64 bits is a float; on x86, one that does not fit becomes the smallest integer.
    if isinstance(version, float) or not -(1 << 63) <= version < 1 << 64:
        return int(version) if abs(version) < 1 << 31 else -(1 << 31)
    low = int(version) % (1 << 32)
    return low - (1 << 32) if low >> 31 else low
