"""Inputs of the schemes: from an address to attributes and back, as C++ Nix 2.34 does it.  Nothing is fetched or looked up.

In: an address (`github:NixOS/nixpkgs/23.05`), or its attributes.  Out: the other form; `MalformedInput` in C++ Nix's words.
The folder of a flake (`dir`) is no part of an input: lock/references.py has it.
"""

import json
import re

from snowsnake.fetch.addresses import (
    Address,
    MalformedAddress,
    encode,
    encode_query,
    parse_address,
)

Attribute = str | int | bool
Attributes = dict[str, Attribute]

_ID = "[a-zA-Z][a-zA-Z0-9_-]*"
_REF = r"[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*"
_REV = "[0-9a-fA-F]{40}"
_BAD_REF = re.compile(r"//|^[./]|/\.|\.\.|[\x00-\x20\x7f:?^~\[]|\\|\*|\.lock$|\.lock/|@\{|[/.]$|^@$|^$")
_HOST = re.compile(r"[a-zA-Z0-9.-]*(?::[0-9]*)?")

_FORGES = ("github", "gitlab", "sourcehut")
_SWITCHES = ("allRefs", "exportIgnore", "lfs", "shallow", "submodules", "verifyCommit")
_KEYS = ("keytype", "publicKey", "publicKeys")
_NUMBERS = ("revCount", "lastModified")
_FORGE_NAMES = "owner repo ref rev narHash lastModified host treeHash"
_TREE_NAMES = "url narHash name unpack rev revCount lastModified"
# the attributes that each scheme knows, beside `type`
_KNOWN = {
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
_VERIFIED = (
    "experimental Nix feature 'verified-fetches' is disabled; "
    "add '--extra-experimental-features verified-fetches' to enable it"
)


class MalformedInput(Exception):
    """A text or set that is no input; the message is for the user."""


def is_legal_ref(name: str) -> bool:
    """Whether Git takes it as the name of a branch or tag.

    >>> is_legal_ref("refs/heads/main"), is_legal_ref("a..b")
    (True, False)
    """
    return _BAD_REF.search(name) is None


# ---- text to attributes -----------------------------------------------------------------------------------------


_ARCHIVE = re.compile(r".*(?:\.zip|\.tar|\.tgz|\.tar\.gz|\.tar\.xz|\.tar\.bz2|\.tar\.zst)", re.DOTALL)


def attributes_of(address: Address, text: str, is_tree: bool = True) -> Attributes:
    """The attributes that an address says; `text` is how messages call it.

    `is_tree`: an address without a scheme of its own (`https://…`) is an archive, whatever it is called; otherwise it is a file
    unless its name ends like an archive's.

    >>> attributes_of(parse_address("github:NixOS/nixpkgs/23.05"), "github:NixOS/nixpkgs/23.05")
    {'type': 'github', 'owner': 'NixOS', 'repo': 'nixpkgs', 'ref': '23.05'}
    """
    scheme, query = address.scheme, dict(address.query)
    if scheme in _FORGES:
        return _forge(address, query, text)
    if scheme == "flake":
        return _indirect_address(address, query, text)
    if scheme == "path":
        if address.authority:
            raise MalformedInput(f"path URL '{text}' should not have an authority ('{address.authority}')")
        return path_attributes(address.decoded_path, query, text)
    application, _, transport = scheme.rpartition("+")
    if scheme == "git" or application == "git":
        return _git(address, query, text)
    if application == "hg" and transport in ("http", "https", "ssh", "file"):
        return _mercurial(address, query, text)
    if application in ("", "tarball", "file") and transport in ("http", "https", "file"):
        is_archive = application == "tarball" or (not application and (is_tree or _ARCHIVE.fullmatch(address.decoded_path)))
        return _tree("tarball" if is_archive else "file", address, query)
    raise MalformedInput(f"input '{text}' is unsupported")


def _forge(address: Address, query: dict[str, str], text: str) -> Attributes:
    parts = [part for part in address.decoded_parts if part]
    if len(parts) < 2:
        raise MalformedAddress(text)
    found: Attributes = {"type": address.scheme, "owner": parts[0], "repo": parts[1]}
    last = "/".join(parts[2:])
    if re.fullmatch(_REV, last):
        found["rev"] = last
    elif last:
        found["ref"] = last
    for name in ("ref", "rev", "host", "narHash"):
        if name in query and name in found:
            raise MalformedAddress(text)
        if name in query:
            found[name] = query[name]
    if "rev" in query:
        check_revision(query["rev"])
    if ("ref" in found and ("rev" in found or not is_legal_ref(str(found["ref"])))) or not _HOST.fullmatch(query.get("host", "")):
        raise MalformedAddress(text)
    return found


def check_revision(text: str) -> None:
    """Whether a text is a SHA-1 hash, as a revision is."""
    if re.fullmatch(_REV, text):
        return
    if len(text) == 40:
        raise MalformedInput(f"invalid base16 hash '{text}', length 0 != expected length 20")
    if len(text) not in (28, 32):
        raise MalformedInput(f"hash '{text}' has wrong length for hash algorithm 'sha1'")


def _indirect_address(address: Address, query: dict[str, str], text: str) -> Attributes:
    parts = [part for part in address.decoded_parts if part]
    if not parts or len(parts) > 3 or not re.fullmatch(_ID, parts[0]):
        raise MalformedAddress(text)
    if len(parts) > 1 and not re.fullmatch(_REV, parts[1]) and not (re.fullmatch(_REF, parts[1]) and is_legal_ref(parts[1])):
        raise MalformedAddress(text)
    if len(parts) == 3 and not re.fullmatch(_REV, parts[2]):
        raise MalformedAddress(text)
    return indirect_attributes("/".join(parts), text)


def indirect_attributes(path: str, text: str) -> Attributes:
    """The attributes of `ID`, `ID/REF`, `ID/REV` or `ID/REF/REV`."""
    parts = path.split("/")
    found: Attributes = {"type": "indirect", "id": parts[0]}
    if len(parts) > 3 or (len(parts) == 3 and not re.fullmatch(_REV, parts[2])):
        raise MalformedInput(f"GitHub URL '{text}' is invalid")
    if len(parts) > 1:
        found["rev" if re.fullmatch(_REV, parts[1]) else "ref"] = parts[1]
    if len(parts) == 3:
        found["rev"] = parts[2]
    return found


def path_attributes(path: str, query: dict[str, str], text: str) -> Attributes:
    """The attributes of a folder and the query behind it."""
    found: Attributes = {"type": "path", "path": path}
    for name, value in query.items():
        if name in _NUMBERS:
            if not _is_number(value):
                raise MalformedInput(f"path URL '{text}' has invalid parameter '{name}'")
            found[name] = int(value)
        elif name in ("rev", "narHash"):
            found[name] = value
        else:
            raise MalformedInput(f"path URL '{text}' has unsupported parameter '{name}'")
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 1 << 63


def _git(address: Address, query: dict[str, str], text: str) -> Attributes:
    found: Attributes = {"type": "git"}
    if address.authority is None and not address.decoded_path.startswith("/"):
        raise MalformedAddress(text)
    for name in list(query):
        if name in _KEYS or name == "verifyCommit":
            raise MalformedInput(_VERIFIED)
        if name in _SWITCHES:
            found[name] = query.pop(name) == "1"
        elif name in ("ref", "rev"):
            found[name] = query.pop(name)
    return _with_url(found, "git+", address, query, text)


def _mercurial(address: Address, query: dict[str, str], text: str) -> Attributes:
    found: Attributes = {"type": "hg"}
    for name in ("ref", "rev"):
        if name in query:
            found[name] = query.pop(name)
    return _with_url(found, "hg+", address, query, text)


def _with_url(found: Attributes, prefix: str, address: Address, query: dict[str, str], text: str) -> Attributes:
    """A repository's attributes and where it is: the rest of the query belongs to its address."""
    if not is_legal_ref(str(found.get("ref", "x"))):
        raise MalformedAddress(text)
    found["url"] = address.replaced(address.scheme.removeprefix(prefix), query).to_text()
    return found


def _tree(kind: str, address: Address, query: dict[str, str]) -> Attributes:
    transport = address.scheme.rpartition("+")[2]
    found: Attributes = {"type": kind}
    for name in ("narHash", "rev", *_NUMBERS, "name", "unpack", "url", "type"):
        value = query.pop(name, None)
        if value is not None and name in _NUMBERS and _is_number(value):
            found[name] = int(value)
        elif value is not None and name in ("narHash", "rev"):
            found[name] = value
    found["url"] = address.replaced(transport, query).to_text()
    return found


# ---- attributes to text -----------------------------------------------------------------------------------------


def address_of(attributes: Attributes, more: dict[str, str] | None = None) -> str:
    """The address that attributes say; `more` is added to its query.

    >>> address_of({"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "23.05"}, {"dir": "lib"})
    'github:NixOS/nixpkgs/23.05?dir=lib'
    """
    kind = check_attributes(attributes)
    writer = _WRITERS.get(kind, _forge_text)
    path, query = writer({name: attributes[name] for name in sorted(attributes)})
    query |= more or {}
    path, mark, fragment = path.partition("#")
    return path + encode_query(query) + mark + fragment


def check_attributes(attributes: Attributes) -> str:
    """The scheme of attributes, all of which it knows."""
    if "type" not in attributes:
        raise MalformedInput("'type' attribute to specify input scheme is required but not provided")
    kind = _string(attributes, "type")
    if kind not in _KNOWN:
        raise MalformedInput(f"cannot show unsupported input '{shown(attributes)}'")
    known = _KNOWN[kind].split()
    for name in sorted(attributes):
        if name != "type" and name not in known:
            raise MalformedInput(f"input attribute '{name}' not supported by scheme '{kind}'")
    return kind


def shown(attributes: Attributes) -> str:
    """Attributes as messages show them."""
    return json.dumps({name: attributes[name] for name in sorted(attributes)}, separators=(",", ":"), ensure_ascii=False)


def _string(attributes: Attributes, name: str) -> str:
    if name not in attributes:
        raise MalformedInput(f"input attribute '{name}' is missing")
    value = attributes[name]
    if not isinstance(value, str):
        raise MalformedInput(f"input attribute '{name}' is not a string {shown(attributes)}")
    return value


def _revision(attributes: Attributes) -> str:
    if "rev" not in attributes:
        return ""
    text = _string(attributes, "rev")
    check_revision(text)
    return text


def _tree_hash(attributes: Attributes) -> dict[str, str]:
    if "narHash" not in attributes:
        return {}
    text = _string(attributes, "narHash")
    if not re.fullmatch("(md5|sha1|sha256|sha512|blake3)-.*", text):
        raise MalformedInput(f"hash '{text}' is not SRI")
    return {"narHash": text}


def _forge_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    owner, repository = _string(attributes, "owner"), _string(attributes, "repo")
    ref = _string(attributes, "ref") if "ref" in attributes else ""
    revision = _revision(attributes)
    host = _string(attributes, "host") if "host" in attributes else ""
    said = shown(attributes)
    if ref and revision:
        raise MalformedInput(f"input {said} contains both a commit hash ('{revision}') and a branch/tag name ('{ref}')")
    if "ref" in attributes and not is_legal_ref(ref):
        raise MalformedInput(f"input {said} contains an invalid branch/tag name")
    if not _HOST.fullmatch(host):
        raise MalformedInput(f"input {said} contains an invalid instance host")
    parts = [owner, repository] + [part for part in (ref or revision,) if part]
    query = _tree_hash(attributes) | ({"host": host} if host else {})
    return f"{attributes['type']}:" + "/".join(map(encode, (part.replace("/", "\0") for part in parts))).replace("%00", "%2F"), query


def _indirect_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    name = _string(attributes, "id")
    if not re.fullmatch(_ID, name):
        raise MalformedInput(f"'{name}' is not a valid flake ID")
    parts = [name] + ([_string(attributes, "ref")] if "ref" in attributes else []) + [_revision(attributes)]
    return "flake:" + "/".join(part for part in parts if part), {}


def _git_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    for name in (*_KEYS, "verifyCommit"):
        if name in attributes:
            raise MalformedInput(_VERIFIED)
    switches = [name for name in _SWITCHES if name in attributes]
    url = _string(attributes, "url")
    ref = _string(attributes, "ref") if "ref" in attributes else ""
    for name in switches:
        if not isinstance(attributes[name], bool):
            raise MalformedInput(f"input attribute '{name}' is not a Boolean")
    if "ref" in attributes and not is_legal_ref(ref):
        raise MalformedInput(f"invalid Git branch/tag name '{ref}'")
    query = {name: "1" for name in switches if attributes[name] and name != "allRefs"}
    query |= {name: value for name, value in (("ref", ref), ("rev", _revision(attributes))) if value}
    if not re.match("[a-zA-Z][a-zA-Z0-9+.-]*:", url):
        return "git+file:" + ("//" if url.startswith("/") else "") + encode(url), query
    address = _address(url)
    scheme = address.scheme if address.scheme == "git" else "git+" + address.scheme.removeprefix("git+")
    return _merged(address.replaced(scheme, address.query), query)


def _mercurial_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    address = _address(_string(attributes, "url"))
    query = {"ref": _string(attributes, "ref")} if "ref" in attributes else {}
    if "rev" in attributes:
        query["rev"] = _revision(attributes)
    return _merged(address.replaced("hg+" + address.scheme, address.query), query)


def _tree_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    return _merged(_address(_string(attributes, "url")), _tree_hash(attributes))


def _merged(address: Address, query: dict[str, str]) -> tuple[str, dict[str, str]]:
    return address.replaced(address.scheme, {}).to_text(), {**address.query, **query}


def _address(url: str) -> Address:
    try:
        return parse_address(url)
    except MalformedAddress as error:
        if ":" not in url:
            raise MalformedInput(f"'{url}' doesn't have a scheme") from None
        raise MalformedInput(f"'{url}' is not a valid URL: {error.reason}") from None


def _path_text(attributes: Attributes) -> tuple[str, dict[str, str]]:
    path = _string(attributes, "path")
    for name in _NUMBERS:
        value = attributes.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise MalformedInput(f"input attribute '{name}' is not an integer")
    query = {name: str(value) for name, value in attributes.items() if name not in ("type", "path")}
    return "path:" + encode(path), query


_WRITERS = {
    "indirect": _indirect_text,
    "git": _git_text,
    "hg": _mercurial_text,
    "tarball": _tree_text,
    "file": _tree_text,
    "path": _path_text,
}
