"""Parses flake references like C++ Nix 2.34.  Nothing is fetched or looked up in registries.

In: `github:NixOS/nixpkgs/23.05?dir=lib`, `.#x`.  Out: a `Reference` and its fragment; `MalformedInput` in C++ Nix's words.
"""

import os

from snowsnake.fetch.addresses import (
    DIGITS,
    LETTERS,
    Address,
    check_fragment,
    check_query,
    decoded,
    parse_address,
    parse_query,
    query_warnings,
)
from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, Attributes, is_legal_ref
from snowsnake.lock.references import Reference, of_address, of_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any


def parse(text: str, features: "Container[str]" = DEFAULT_FEATURES) -> Attributes:
    """The attributes of a reference that needs no base, as in `builtins.parseFlakeRef`.

    >>> parse("github:NixOS/nixpkgs/23.05?dir=lib")
    {'type': 'github', 'owner': 'NixOS', 'repo': 'nixpkgs', 'ref': '23.05', 'dir': 'lib'}
    >>> parse("nixpkgs/nixos-unstable")
    {'type': 'indirect', 'id': 'nixpkgs', 'ref': 'nixos-unstable'}
    """
    reference = parse_whole(text, features=features)
    return reference.input.attrs | ({"dir": reference.folder} if reference.folder else {})


def parse_whole(text: str, base: str | None = None, **options: "Any") -> Reference:
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
    say: "Callable[[str, str], None] | None" = None,
    features: "Container[str]" = DEFAULT_FEATURES,
) -> tuple[Reference, str]:
    """A reference and its fragment.

    `base`: if it is given, relative paths start here, and a flake is searched from a path upwards; a flake in a Git repository becomes a
    `git+file:` input.  `may_be_missing`: a folder without a flake.nix is accepted.  `may_be_relative`: `./x` stays a relative `path:` input.
    `is_flake`: a URL that does not name the scheme of an input (`https://…`) is an archive.  `say` gets remarks for the user: `warning` or
    `note`, and a text.  `features`: the experimental features that are on.

    >>> parse_reference("nixpkgs#hello")
    (Reference({'type': 'indirect', 'id': 'nixpkgs'}, ''), 'hello')
    """
    rest, _, fragment = text.partition("#")
    if _is_by_name(rest):
        return of_address(Address("flake", None, rest.split("/"), {}), features=features), decoded(fragment)
    path, _, query = rest.partition("?")
    if say is not None and query:
        for warning in query_warnings(text):
            say("warning", warning)
    try:
        address = parse_address(text, lenient=True)
        if base is not None and address.scheme in ("path", "git+file") and not address.file_path.startswith("/"):
            address.parts = os.path.normpath(os.path.join(base, address.path)).split("/")
        return of_address(address, is_flake, features), address.fragment
    except MalformedAddress:
        check_query(query)
        check_fragment(fragment, text)
    if base is not None:
        from snowsnake.lock.paths import parse_path

        return parse_path(text, path, parse_query(query), base, is_flake, may_be_missing, say, features), decoded(fragment)
    if not path.startswith("/") and not may_be_relative:
        raise MalformedInput(f"flake reference '{text}' is not an absolute path")
    return of_path(path, parse_query(query), is_flake, features), decoded(fragment)


def _is_by_name(text: str) -> bool:
    """Whether a reference is NAME, NAME/REF, NAME/REV or NAME/REF/REV; a revision is a REF, too."""
    name, slash, ref = text.partition("/")
    if name[:1] not in LETTERS or not name or name.strip(LETTERS + DIGITS + "_-"):
        return False
    if not slash:
        return True
    return ref[:1] in LETTERS + DIGITS + "@" and ref != "" and not ref.strip(LETTERS + DIGITS + "_./@+-") and is_legal_ref(ref)
