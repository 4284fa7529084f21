"""Flake references: from text to attributes and back, as C++ Nix 2.34 does it.  Nothing is fetched or looked up in registries.

In: `github:NixOS/nixpkgs/23.05?dir=lib`, `.#x`, attributes.  Out: a `Reference`, or its other forms; `MalformedInput` in C++ Nix's words.
A reference is an input (what a scheme of fetch/ knows) and the folder in it that has the flake.
"""

import os
import re

from snowsnake.fetch.addresses import Address, Authority, parse_address, parse_query
from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import Attributes, address_of, attributes_of, is_legal_ref, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

ID = "[a-zA-Z][a-zA-Z0-9_-]*"
_REF = r"[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*"
_REV = "[0-9a-fA-F]{40}"
_ID_REFERENCE = re.compile(rf"({ID}(?:/(?:{_REV}|{_REF}(?:/{_REV})?))?)(?:#(.*))?", re.DOTALL)


class Reference:
    """An input, and the folder (`dir`) of the flake in its tree.  Immutable.

    >>> reference = Reference.of_attributes({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "dir": "lib"})
    >>> str(reference), reference.folder
    ('github:NixOS/nixpkgs?dir=lib', 'lib')
    """

    __slots__ = ("input", "folder")

    def __init__(self, input: Input, folder: str = "") -> None:
        self.input = input
        self.folder = folder

    @classmethod
    def of_attributes(cls, attributes: Attributes) -> "Reference":
        """Of a set such as a lock file has; attributes of unknown schemes are taken as they are."""
        folder = _folder_of(attributes)
        return cls(Input.from_attrs({name: value for name, value in attributes.items() if name != "dir"}), folder)

    def to_attributes(self) -> Attributes:
        """The attributes with `dir`, sorted, as lock files have them."""
        found = dict(self.input.attrs)
        if self.folder:
            found.setdefault("dir", self.folder)
        return {name: found[name] for name in sorted(found)}

    def to_text(self) -> str:
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

    def canonical(self) -> "Reference":
        """Old lock files have `?dir=` in their URL, too: what both forms are the same as."""
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


def parse(text: str) -> Attributes:
    """The attributes of a reference that stands for itself, as `builtins.parseFlakeRef` has them.

    >>> parse("github:NixOS/nixpkgs/23.05?dir=lib")
    {'type': 'github', 'owner': 'NixOS', 'repo': 'nixpkgs', 'ref': '23.05', 'dir': 'lib'}
    >>> parse("nixpkgs/nixos-unstable")
    {'type': 'indirect', 'id': 'nixpkgs', 'ref': 'nixos-unstable'}
    """
    reference = parse_whole(text)
    return reference.input.attrs | ({"dir": reference.folder} if reference.folder else {})


def parse_whole(text: str, base: str | None = None, **options) -> Reference:
    """A reference without a fragment; options as for `parse_reference`."""
    reference, fragment = parse_reference(text, base, **options)
    if fragment:
        raise MalformedInput(f"unexpected fragment '{fragment}' in flake reference '{text}'")
    return reference


def parse_reference(
    text: str,
    base: str | None = None,
    *,
    is_flake: bool = True,
    may_be_missing: bool = False,
    may_be_relative: bool = False,
    say: "Callable[[str], None] | None" = None,
) -> tuple[Reference, str]:
    """A reference and its fragment.

    `base`: paths are files of this machine and start there; a flake is searched upwards, and one in a Git repository is a `git+file:`
    input (`may_be_missing`: also where there is no flake.nix).  `may_be_relative`: `./x` stays a relative `path:` input.  `is_flake`: an
    address without a scheme of its own (`https://…`) is an archive.  `say` gets remarks for the user, warnings with `warning: ` before them.

    >>> parse_reference("nixpkgs#hello")
    (Reference({'type': 'indirect', 'id': 'nixpkgs'}, ''), 'hello')
    """
    by_name = _ID_REFERENCE.fullmatch(text)
    if by_name is not None and not _has_illegal_ref(by_name[1]):
        return Reference(Input(attributes_of(Address("flake", None, by_name[1].split("/"), {})))), _decoded(by_name[2] or "")
    try:
        address = parse_address(text, lenient=True)
        if base is not None and address.scheme in ("path", "git+file") and not address.file_path.startswith("/"):
            address.parts = os.path.normpath(os.path.join(base, address.path)).split("/")
        return of_address(address, is_flake), address.fragment
    except MalformedAddress:
        pass
    rest, _, fragment = text.partition("#")
    path, _, query = rest.partition("?")
    if base is not None:
        from snowsnake.lock.paths import parse_path

        return parse_path(text, path, parse_query(query), base, is_flake, may_be_missing, say), _decoded(fragment)
    if not path.startswith("/") and not may_be_relative:
        raise MalformedInput(f"flake reference '{text}' is not an absolute path")
    return of_path(path, parse_query(query), is_flake), _decoded(fragment)


def _decoded(fragment: str) -> str:
    from urllib.parse import unquote

    return unquote(fragment, errors="surrogateescape") if "%" in fragment else fragment


def _has_illegal_ref(text: str) -> bool:
    parts = text.split("/", 1)
    return len(parts) == 2 and not is_legal_ref(parts[1])


def of_address(address: Address, is_flake: bool = True) -> Reference:
    query = dict(address.query)
    folder = query.pop("dir", "")
    plain = Address(address.scheme, address.authority, address.parts, query)
    return Reference(Input(attributes_of(plain, None, is_flake)), folder)


def of_path(path: str, query: dict[str, str], is_flake: bool = True) -> Reference:
    """Of a folder and what stood behind its `?`."""
    authority = Authority(None, None, "", None) if path.startswith("/") else None
    return of_address(Address("path", authority, path.split("/"), query), is_flake)


def to_text(given: Attributes) -> str:
    """The reference that attributes say.

    >>> to_text({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "23.05", "dir": "lib"})
    'github:NixOS/nixpkgs/23.05?dir=lib'
    """
    folder = _folder_of(given)
    attributes = {name: given[name] for name in sorted(given) if name != "dir"}
    return address_of(attributes, {"dir": folder} if folder else None)
