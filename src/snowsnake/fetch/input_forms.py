"""Inputs of all schemes: from a URL to attributes and back, like C++ Nix 2.34.  Nothing is fetched or resolved.

In: a URL (`github:NixOS/nixpkgs/23.05`), or its attributes.  Out: the other form; `MalformedInput` in C++ Nix's words.  Its subclass
`MalformedAddress` lets a flake reference try its next form.
The folder of a flake (`dir`) does not belong to an input: lock/references.py handles it.
"""

from __future__ import annotations

import os

from snowsnake.fetch.addresses import DIGITS, HEX_DIGITS, LETTERS, Address, Authority, has_only, parse_address
from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.foundation import light_json
from snowsnake.foundation.patterns import pattern
from snowsnake.store.hashing import ALGORITHMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from snowsnake.store.hash import Hash

Attribute = str | int | bool
Attributes = dict[str, Attribute]

# This matches a line of `git ls-remote` or of a forge's list of references: the hash or the target, and the name.
LISTED_REF = pattern(r"(?:ref: *)?(\S+)(?:\t+(.*))?")
_MERCURIAL_REF = pattern(r"[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*")
# Names of branches and tags have none of these.
_NOT_IN_REF = ("//", "/.", "..", ".lock/", "@{", *(chr(code) for code in range(0x21)), *"\x7f:?^~[\\*")
_REV_DIGITS = 40
# Git writes this where there is no commit.
NO_REVISION = "0" * _REV_DIGITS
_IN_HOST = LETTERS + DIGITS + ".-"
_SCP = pattern("([^/]*)@(.*):(.*)")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")

# Python refuses to convert a number with many more digits.
_MOST_DIGITS = 4000
_ALGORITHM_PREFIXES = tuple(f"{name}:" for name in ALGORITHMS)
FORGES = ("github", "gitlab", "sourcehut")
_SWITCHES = ("allRefs", "exportIgnore", "lfs", "shallow", "submodules", "verifyCommit")
_KEYS = ("keytype", "publicKey", "publicKeys")
_NUMBERS = ("lastModified", "revCount")
_FORGE_NAMES = "owner repo ref rev narHash lastModified host treeHash"
_TREE_NAMES = "url narHash name unpack rev revCount lastModified"
# These are the attributes of each scheme, besides those of every scheme.
_OF_SCHEME = {
    "github": _FORGE_NAMES,
    "gitlab": _FORGE_NAMES,
    "sourcehut": _FORGE_NAMES,
    "indirect": "id ref rev narHash",
    "git": "url ref rev narHash name lastModified revCount dirtyRev dirtyShortRev " + " ".join(_SWITCHES + _KEYS),
    "hg": "url ref rev revCount narHash name",
    "tarball": _TREE_NAMES,
    "file": _TREE_NAMES,
    "path": "path rev revCount lastModified narHash",
}
SCHEMES = frozenset(_OF_SCHEME)
_KNOWN = {kind: frozenset(("type", "__final", *names.split())) for kind, names in _OF_SCHEME.items()}
# These schemes need the experimental feature `flakes`.
_OF_FLAKES = frozenset((*FORGES, "indirect", "path"))
DEFAULT_FEATURES = frozenset(("flakes",))


def is_legal_ref(name: str) -> bool:
    """Whether Git accepts a text as the name of a branch or tag.

    >>> is_legal_ref("refs/heads/main"), is_legal_ref("a..b")
    (True, False)
    """
    if not name or name == "@" or name[0] in "./" or (name[0] == "-" and "/" not in name):
        return False
    return not name.endswith(("/", ".", ".lock")) and not any(part in name for part in _NOT_IN_REF)


def is_revision(text: str) -> bool:
    """Whether a text is the SHA-1 hash of a commit.

    >>> is_revision("0123456789abcdefABCD" * 2), is_revision("main")
    (True, False)
    """
    return len(text) == _REV_DIGITS and has_only(HEX_DIGITS, text)


def is_flake_id(name: str) -> bool:
    """Whether a registry, or a set of inputs, may have this name for a flake.

    >>> is_flake_id("nixpkgs-21_05"), is_flake_id("21.05"), is_flake_id("")
    (True, False, False)
    """
    return name != "" and name[0] in LETTERS and has_only(LETTERS + DIGITS + "_-", name)


def require(feature: str, features: Container[str]) -> None:
    if feature not in features:
        raise MalformedInput(
            f"experimental Nix feature '{feature}' is disabled; add '--extra-experimental-features {feature}' to enable it"
        )


# ---- address to attributes --------------------------------------------------------------------------------------


def attributes_of(address: Address, is_tree: bool = True, features: Container[str] = DEFAULT_FEATURES) -> Attributes:
    """The attributes that a URL means.

    `is_tree`: a URL that does not name the scheme of an input (`https://…`) is an archive, whatever its name is.  If `is_tree` is False, it
    is a file unless its name ends like an archive's.

    >>> attributes_of(parse_address("github:NixOS/nixpkgs/23.05"))
    {'type': 'github', 'owner': 'NixOS', 'repo': 'nixpkgs', 'ref': '23.05'}
    """
    scheme, query = address.scheme, dict(address.query)
    if scheme in FORGES:
        found = _forge(address, query)
    elif scheme == "flake":
        found = _indirect(address)
    elif scheme == "path":
        found = _path(address, query)
    elif scheme == "git" or address.application == "git":
        found = _git(address, query)
    elif scheme in ("hg+http", "hg+https", "hg+ssh", "hg+file"):
        found = _mercurial(address, query)
    elif address.transport in ("http", "https", "file") and address.application in (None, "tarball", "file"):
        is_archive = address.application is None and (is_tree or address.parts[-1].endswith(_ARCHIVES))
        found = _tree("tarball" if is_archive or address.application == "tarball" else "file", address, query)
    elif address.scheme == "file+git":
        raise MalformedInput(f"input '{address.to_text()}' is unsupported; did you mean 'git+file' instead of 'file+git'?")
    else:
        raise MalformedInput(f"input '{address.to_text()}' is unsupported")
    check_attributes(found, features)
    return found


def _forge(address: Address, query: dict[str, str]) -> Attributes:
    parts = [part for part in address.parts if part]
    if len(parts) < 2:
        raise MalformedAddress(f"URL '{address.to_text()}' is invalid")
    found: Attributes = {"type": address.scheme, "owner": parts[0], "repo": parts[1]}
    if len(parts) == 3 and is_revision(parts[2]):
        found["rev"] = parts[2]
    elif len(parts) > 2:
        found["ref"] = "/".join(parts[2:])
    for name, several in (("rev", "multiple commit hashes"), ("ref", "multiple branch/tag names")):
        if name in query:
            if name in found:
                raise MalformedAddress(f"URL '{address.to_text()}' contains {several}")
            found[name] = query[name]
    # Other parameters are ignored.
    return found | {name: query[name] for name in ("host", "narHash") if name in query}


def _indirect(address: Address) -> Attributes:
    parts = [part for part in address.parts if part]
    text = address.to_text()
    found: Attributes = {"type": "indirect", "id": parts[0] if parts else ""}
    if len(parts) == 2:
        if is_revision(parts[1]):
            found["rev"] = parts[1].lower()
        elif is_legal_ref(parts[1]):
            found["ref"] = parts[1]
        else:
            raise MalformedAddress(f"in flake URL '{text}', '{parts[1]}' is not a commit hash or branch/tag name")
    elif len(parts) == 3:
        if not is_legal_ref(parts[1]):
            raise MalformedAddress(f"in flake URL '{text}', '{parts[1]}' is not a branch/tag name")
        if not is_revision(parts[2]):
            raise MalformedAddress(f"in flake URL '{text}', '{parts[2]}' is not a commit hash")
        found |= {"ref": parts[1], "rev": parts[2].lower()}
    elif len(parts) != 1:
        raise MalformedAddress(f"GitHub URL '{text}' is invalid")
    if not is_flake_id(parts[0]):
        raise MalformedAddress(f"'{parts[0]}' is not a valid flake ID")
    return found


def joined_path(address: Address) -> str:
    """The path of a URL in the form of a file's path: without repeated slashes.

    >>> joined_path(parse_address("path:/a//b/")), joined_path(parse_address("path:"))
    ('/a/b/', '/')
    """
    path = address.file_path or "/"
    while "//" in path:
        path = path.replace("//", "/")
    return path


def _path(address: Address, query: dict[str, str]) -> Attributes:
    if address.authority is not None and address.authority.host:
        raise MalformedInput(f"path URL '{address.to_text()}' should not have an authority ('{address.authority.to_text()}')")
    found: Attributes = {"type": "path", "path": joined_path(address)}
    for name in sorted(query):
        if name in _NUMBERS:
            if not _is_number(query[name]):
                raise MalformedInput(f"path URL '{address.to_text()}' has invalid parameter '{name}'")
            found[name] = int(query[name])
        elif name in ("rev", "narHash"):
            found[name] = query[name]
        else:
            raise MalformedInput(f"path URL '{address.to_text()}' has unsupported parameter '{name}'")
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.removeprefix("+").isdigit() and len(text) <= _MOST_DIGITS and int(text) < 1 << 63


def _git(address: Address, query: dict[str, str]) -> Attributes:
    found: Attributes = {"type": "git"}
    for name in list(query):
        if name in _SWITCHES:
            found[name] = query.pop(name) == "1"
        elif name in ("ref", "rev", *_KEYS):
            found[name] = query.pop(name)
    found["url"] = fix_git_url(address.replaced(address.scheme, query).to_text()).to_text()
    return found


def fix_git_url(url: str) -> Address:
    """The URL for a text that Git accepts as an address: a path becomes `file:`, `user@host:path` becomes `ssh:`.

    >>> fix_git_url("git@example.org:a/b").to_text(), fix_git_url("/a/b").to_text()
    ('ssh://git@example.org/a/b', 'file:///a/b')
    """
    # Most addresses have no user in front, so they need no pattern.
    if "@" in url.partition("/")[0]:
        match = _SCP.fullmatch(url)
        if match is not None:
            url = f"ssh://{match[1]}@{match[2]}/{match[3]}"
    if not url.startswith(("file:", "git+file:")) and "://" not in url:
        # An empty path is the root, as in 2.34.
        parts = url.split("/") if url else ["", ""]
        if ":" in parts[0]:
            raise MalformedAddress(f"SCP-like URL '{url}' is not supported; use SSH URL syntax instead (ssh://...)")
        return Address("file", Authority(None, None, "", None) if url.startswith("/") else None, parts, {})
    address = parse_address(url)
    return address.replaced(address.transport, address.query) if address.application == "git" else address


def _mercurial(address: Address, query: dict[str, str]) -> Attributes:
    found: Attributes = {"type": "hg"}
    for name in ("ref", "rev"):
        if name in query:
            found[name] = query.pop(name)
    found["url"] = address.replaced(address.transport, query).to_text()
    return found


def _tree(kind: str, address: Address, query: dict[str, str]) -> Attributes:
    found: Attributes = {"type": kind}
    for name in _TREE_NAMES.split():
        value = query.pop(name, None)
        if value is not None and name in _NUMBERS and _is_number(value):
            found[name] = int(value)
        elif value is not None and name in ("narHash", "rev"):
            found[name] = value
    found["url"] = address.replaced(address.transport, query).to_text()
    return found


# ---- attributes -------------------------------------------------------------------------------------------------


def check_attributes(attributes: Attributes, features: Container[str] = DEFAULT_FEATURES) -> str:
    """Returns the scheme of attributes, after checking that the scheme accepts all of them.  An unknown scheme accepts any."""
    if "type" not in attributes:
        raise MalformedInput("'type' attribute to specify input scheme is required but not provided")
    kind = string_of(attributes, "type")
    if kind in _KNOWN:
        if kind in _OF_FLAKES:
            require("flakes", features)
        if not _KNOWN[kind].issuperset(attributes):
            raise MalformedInput(f"input attribute '{min(attributes.keys() - _KNOWN[kind])}' not supported by scheme '{kind}'")
        check = _CHECKS.get(kind, _check_forge)
        check(attributes, features)
    if "ref" in attributes:
        string_of(attributes, "ref")
    for name in ("revCount", "lastModified"):
        number_of(attributes, name)
    return kind


def _check_forge(attributes: Attributes, _features: Container[str]) -> None:
    string_of(attributes, "owner")
    string_of(attributes, "repo")
    ref, revision = optional_string(attributes, "ref"), optional_string(attributes, "rev")
    if ref is not None and revision is not None:
        raise MalformedAddress(
            f"input {shown(attributes)} contains both a commit hash ('{revision}') and a branch/tag name ('{ref}')"
        )
    if revision is not None:
        parsed_hash(revision, "sha1")
    if ref is not None and not is_legal_ref(ref):
        raise MalformedAddress(f"input {shown(attributes)} contains an invalid branch/tag name")
    if not has_only(_IN_HOST, optional_string(attributes, "host") or ""):
        raise MalformedAddress(f"input {shown(attributes)} contains an invalid instance host")


def _check_git(attributes: Attributes, features: Container[str]) -> None:
    if any(name in attributes for name in (*_KEYS, "verifyCommit")):
        require("verified-fetches", features)
    boolean_of(attributes, "verifyCommit")
    ref = optional_string(attributes, "ref")
    if ref is not None and not is_legal_ref(ref):
        raise MalformedAddress(f"invalid Git branch/tag name '{ref}'")
    fix_git_url(string_of(attributes, "url"))
    for name in ("shallow", "submodules", "allRefs"):
        boolean_of(attributes, name)


def _check_mercurial(attributes: Attributes, _features: Container[str]) -> None:
    parse_address(string_of(attributes, "url"))
    ref = optional_string(attributes, "ref")
    if ref is not None and not _MERCURIAL_REF.fullmatch(ref):
        raise MalformedAddress(f"invalid Mercurial branch/tag name '{ref}'")


def _check_indirect(attributes: Attributes, _features: Container[str]) -> None:
    name = string_of(attributes, "id")
    if not is_flake_id(name):
        raise MalformedAddress(f"'{name}' is not a valid flake ID")


def _check_path(attributes: Attributes, _features: Container[str]) -> None:
    string_of(attributes, "path")


def _check_tree(_attributes: Attributes, _features: Container[str]) -> None:
    """Checks nothing: C++ Nix parses the URL only when it needs it."""


_CHECKS = {
    "git": _check_git,
    "hg": _check_mercurial,
    "indirect": _check_indirect,
    "path": _check_path,
    "tarball": _check_tree,
    "file": _check_tree,
}


def shown(attributes: Attributes) -> str:
    """Attributes as messages show them."""
    return light_json.dumps({name: attributes[name] for name in sorted(attributes)}, is_compact=True, is_ascii=False)


def optional_string(attributes: Attributes, name: str) -> str | None:
    value = attributes.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedInput(f"input attribute '{name}' is not a string {shown(attributes)}")
    return value


def string_of(attributes: Attributes, name: str) -> str:
    value = optional_string(attributes, name)
    if value is None:
        raise MalformedInput(f"input attribute '{name}' is missing")
    return value


def boolean_of(attributes: Attributes, name: str) -> bool:
    """A Boolean attribute; False if it is absent."""
    value = attributes.get(name, False)
    if not isinstance(value, bool):
        raise MalformedInput(f"input attribute '{name}' is not a Boolean")
    return value


def number_of(attributes: Attributes, name: str) -> int | None:
    value = attributes.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise MalformedInput(f"input attribute '{name}' is not an integer")
    return value


def parsed_hash(text: str, algorithm: str | None = None) -> Hash:
    """A `Hash` from any of its text forms; *algorithm* is that of bare digits."""
    from snowsnake.store.hash import Hash

    try:
        return Hash.parse(text, algorithm)
    except ValueError as error:
        raise MalformedInput(str(error)) from None


def revision_of(attributes: Attributes) -> Hash | None:
    """The revision as a `Hash`, or None; it is SHA-1 unless the text names another algorithm."""
    text = optional_string(attributes, "rev")
    if text is None:
        return None
    return parsed_hash(text, None if text.startswith(_ALGORITHM_PREFIXES) else "sha1")


def revision_text(attributes: Attributes) -> str | None:
    """The revision's digits in base 16, or None."""
    found = revision_of(attributes)
    return None if found is None else found.base16


def tree_hash_of(attributes: Attributes) -> Hash | None:
    """`narHash` as a `Hash`, or None; an empty text means all zeros."""
    text = optional_string(attributes, "narHash")
    if text is None:
        return None
    if not text:
        return parsed_hash("0" * 64, "sha256")
    if "-" not in text:
        raise MalformedInput(f"hash '{text}' is not SRI")
    found = parsed_hash(text)
    if found.algorithm != "sha256":
        raise MalformedInput("narHash must use SHA-256")
    return found


def public_keys(attributes: Attributes) -> list[tuple[str, str]]:
    """(type, key) of the keys that may have signed a commit."""
    found: list[tuple[str, str]] = []
    text = optional_string(attributes, "publicKeys")
    if text is not None:
        from snowsnake.foundation.json_faults import as_type, value_at

        try:
            given = light_json.loads(text)
        except ValueError:
            raise MalformedInput(f"input attribute 'publicKeys' is not a list of keys: {text}") from None
        try:
            for row in as_type(given, list):
                kind = as_type(as_type(row, dict).get("type", "ssh-ed25519"), str)
                found.append((kind, as_type(value_at(row, "key"), str)))
        except ValueError as error:
            raise MalformedInput(str(error)) from None
    key = optional_string(attributes, "publicKey")
    if key is not None:
        found.append((optional_string(attributes, "keytype") or "ssh-ed25519", key))
    return found


# ---- attributes to address --------------------------------------------------------------------------------------


def address_of(attributes: Attributes, more: dict[str, str] | None = None, features: Container[str] = DEFAULT_FEATURES) -> str:
    """The URL for attributes.  The scheme need not know all of them: a flake may have added some (`inputs.self`).  *more* is added to the query.

    >>> address_of({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "23.05"}, {"dir": "lib"})
    'github:NixOS/nixpkgs/23.05?dir=lib'
    """
    kind = string_of(attributes, "type")
    if kind in _OF_FLAKES:
        require("flakes", features)
    if kind not in _KNOWN:
        raise MalformedInput(f"cannot show unsupported input '{shown(attributes)}'")
    address = _WRITERS.get(kind, _forge_address)(attributes)
    address.query = (more or {}) | address.query
    return address.to_text()


def _forge_address(attributes: Attributes) -> Address:
    parts = [string_of(attributes, "owner"), string_of(attributes, "repo")]
    last = optional_string(attributes, "ref") or revision_text(attributes)
    host = optional_string(attributes, "host")
    query = _tree_hash_query(attributes) | ({} if host is None else {"host": host})
    return Address(string_of(attributes, "type"), None, parts + ([last] if last else []), query)


def _tree_hash_query(attributes: Attributes) -> dict[str, str]:
    found = tree_hash_of(attributes)
    return {} if found is None else {"narHash": found.sri}


def _indirect_of(attributes: Attributes) -> Address:
    parts = [string_of(attributes, "id"), optional_string(attributes, "ref"), revision_text(attributes)]
    return Address("flake", None, [part for part in parts if part is not None], {})


def _with_revision(query: dict[str, str], attributes: Attributes) -> dict[str, str]:
    """A copy of a query, with the commit and the branch of the attributes."""
    found = {"rev": revision_text(attributes), "ref": optional_string(attributes, "ref")}
    return query | {name: value for name, value in found.items() if value is not None}


def _git_address(attributes: Attributes) -> Address:
    address = fix_git_url(string_of(attributes, "url"))
    scheme = address.scheme if address.scheme == "git" else "git+" + address.scheme
    query = _with_revision(address.query, attributes)
    query |= {name: "1" for name in _SWITCHES if name != "allRefs" and boolean_of(attributes, name)}
    keys = public_keys(attributes)
    if len(keys) == 1:
        query |= {"keytype": keys[0][0], "publicKey": keys[0][1]}
    elif keys:
        query["publicKeys"] = light_json.dumps([{"key": key, "type": kind} for kind, key in keys], is_compact=True, is_ascii=False)
    return address.replaced(scheme, query)


def _mercurial_address(attributes: Attributes) -> Address:
    address = parse_address(string_of(attributes, "url"))
    query = _with_revision(address.query, attributes)
    return address.replaced("hg+" + address.scheme, query)


def _tree_address(attributes: Attributes) -> Address:
    address = parse_address(string_of(attributes, "url"))
    return address.replaced(address.scheme, address.query | _tree_hash_query(attributes))


def _path_address(attributes: Attributes) -> Address:
    query = {
        name: ("1" if value else "0") if isinstance(value, bool) else str(value)
        for name, value in sorted(attributes.items())
        if name not in ("type", "path", "__final")
    }
    return Address("path", None, string_of(attributes, "path").split("/"), query)


_WRITERS = {
    "indirect": _indirect_of,
    "git": _git_address,
    "hg": _mercurial_address,
    "tarball": _tree_address,
    "file": _tree_address,
    "path": _path_address,
}


def absolute_path(attributes: Attributes) -> str | None:
    """The path of a `path` input; None if it is relative to the flake that names it."""
    path = string_of(attributes, "path")
    if not path.startswith("/"):
        return None
    return os.path.normpath("/" + path.lstrip("/"))
