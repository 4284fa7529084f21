"""Flake references: from text to attributes and back, as C++ Nix 2.34 does it.  Nothing is fetched or looked up.

In: `github:NixOS/nixpkgs/23.05?dir=lib`, or its attributes.  Out: the other form; `MalformedInput` in C++ Nix's words.
"""

import re

from snowsnake.fetch.addresses import Address, Authority, parse_address, parse_query
from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.fetch.input_forms import Attributes, address_of, attributes_of, is_legal_ref, shown

ID = "[a-zA-Z][a-zA-Z0-9_-]*"
_REF = r"[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*"
_REV = "[0-9a-fA-F]{40}"
_ID_REFERENCE = re.compile(rf"({ID}(?:/(?:{_REV}|{_REF}(?:/{_REV})?))?)(?:#(.*))?")


def parse(text: str) -> Attributes:
    """The attributes of a reference.

    >>> parse("github:NixOS/nixpkgs/23.05?dir=lib")
    {'type': 'github', 'owner': 'NixOS', 'repo': 'nixpkgs', 'ref': '23.05', 'dir': 'lib'}
    >>> parse("nixpkgs/nixos-unstable")
    {'type': 'indirect', 'id': 'nixpkgs', 'ref': 'nixos-unstable'}
    """
    attributes, fragment = _parse(text)
    if fragment:
        raise MalformedInput(f"unexpected fragment '{fragment}' in flake reference '{text}'")
    return attributes


def _parse(text: str) -> tuple[Attributes, str]:
    by_name = _ID_REFERENCE.fullmatch(text)
    if by_name is not None and not _has_illegal_ref(by_name[1]):
        return attributes_of(Address("flake", None, by_name[1].split("/"), {})), by_name[2] or ""
    try:
        address = parse_address(text, lenient=True)
        return _of_address(address, text), address.fragment
    except MalformedAddress:
        return _of_path(text)


def _has_illegal_ref(text: str) -> bool:
    parts = text.split("/", 1)
    return len(parts) == 2 and not is_legal_ref(parts[1])


def _of_address(address: Address, text: str) -> Attributes:
    query = dict(address.query)
    folder = query.pop("dir", "")
    found = attributes_of(address.replaced(address.scheme, query), text)
    return found | ({"dir": folder} if folder else {})


def _of_path(text: str) -> tuple[Attributes, str]:
    rest, _, fragment = text.partition("#")
    path, _, query = rest.partition("?")
    if not path.startswith("/"):
        raise MalformedInput(f"flake reference '{text}' is not an absolute path")
    values = parse_query(query)
    folder = values.pop("dir", "")
    found = attributes_of(Address("path", Authority(None, None, "", None), path.split("/"), values))
    return found | ({"dir": folder} if folder else {}), fragment


def to_text(given: Attributes) -> str:
    """The reference that attributes say.

    >>> to_text({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "23.05", "dir": "lib"})
    'github:NixOS/nixpkgs/23.05?dir=lib'
    """
    folder = given.get("dir", "")
    if "type" in given and not isinstance(folder, str):
        raise MalformedInput(f"input attribute 'dir' is not a string {shown(given)}")
    attributes = {name: given[name] for name in sorted(given) if name != "dir"}
    return address_of(attributes, {"dir": str(folder)} if folder else None)
