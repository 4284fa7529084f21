"""The fetching builtins, from plain Python values on: policy, fetching, and the attributes of the result.

In: `access` (the policy of an evaluation, and its fetcher; builtins/fetch_host.pyx) and plain values.  Out: sources, pairs of names and values.
"""

from __future__ import annotations

import time

from snowsnake.fetch.addresses import parse_address, query_warnings
from snowsnake.fetch.errors import FetchFailure, ForbiddenAccess, MalformedInput
from snowsnake.fetch.input_forms import NO_REVISION, fix_git_url, string_of
from snowsnake.foundation.patterns import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from typing import Any

    from snowsnake.builtins.fetch_host import Access
    from snowsnake.fetch.fetcher import Fetcher, Source
    from snowsnake.fetch.input import Input
    from snowsnake.fetch.trees import FileTree

    Pairs = list[tuple[str, str | int | bool]]

_REVISION = pattern("[0-9a-fA-F]{40}")
# Matches `..`, also as `%2e%2e`: a part of a path that leads out of its folder.
_UPWARDS = pattern(r"(?i)(?<=[/:])(\.|%2e){2}(?=[/?#]|$)")
_JUST_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9+.-]*:")


def make_fetcher(
    settings: Any,
    progress: Any,
    features: Container[str],
    store_dir: str,
    store: Any,
    working_directory: str,
    is_cancelled: Callable[[], bool],
) -> Fetcher:
    """The fetcher of an evaluation; without `settings`, it has those of this user."""
    from snowsnake.fetch.fetcher import Fetcher

    if settings is None:
        import os

        from snowsnake.settings import Settings

        settings = Settings.load(os.environ)
    return Fetcher(
        settings,
        progress=progress,
        features=features,
        store_dir=store_dir,
        store=store,
        working_directory=working_directory,
        is_cancelled=is_cancelled,
        is_offline=getattr(settings, "is_offline", False),
    )


# ---- policy -----------------------------------------------------------------------------------------------------


def allowing_prefixes(uri: str, prefixes: Iterable[str]) -> Iterator[str]:
    """The prefixes that are equal to an address, or below which it is.

    >>> list(allowing_prefixes("https://example.org/a", ["https://example.org"])), list(allowing_prefixes("https://example.org.evil", ["https://example.org"]))
    (['https://example.org'], [])
    >>> list(allowing_prefixes("path:/a/../b", ["path:/a/", "path:"]))
    ['path:']
    """
    for prefix in prefixes:
        if uri == prefix or (prefix and uri.startswith(prefix) and _JUST_SCHEME.fullmatch(prefix)):
            yield prefix
        elif prefix and uri.startswith(prefix) and (prefix[-1] == "/" or uri[len(prefix)] == "/") and not _UPWARDS.search(uri, len(prefix)):
            yield prefix


def check_uri(access: Access, uri: str) -> None:
    """Raises ForbiddenAccess if evaluation is restricted, and neither `allowed-uris` nor the paths that it may read include an address."""
    if not access.is_restricted:
        return
    for prefix in allowing_prefixes(uri, access.fetcher.settings["allowed-uris"]):
        if access.fetcher.allowed_places.allow(uri, prefix):
            return
    if uri.startswith("/"):
        access.check_path(_canonical(uri))
        return
    try:
        address = parse_address(uri)
        if address.scheme == "file":
            access.check_path(_canonical(address.file_path))
            return
    except MalformedInput:
        pass
    raise ForbiddenAccess(f"access to URI '{uri}' is forbidden in restricted mode")


def _canonical(path: str) -> str:
    import os

    return os.path.normpath("/" + path.lstrip("/"))


# ---- files and archives -----------------------------------------------------------------------------------------


def full_address(url: str) -> str:
    """The URL for which `channel:NAME` is short; any other address as it is.

    >>> full_address("channel:nixos-unstable")
    'https://channels.nixos.org/nixos-unstable/nixexprs.tar.xz'
    """
    return f"https://channels.nixos.org/{url[8:]}/nixexprs.tar.xz" if url.startswith("channel:") else url


def fetch_url(access: Access, url: str, name: str, digest: bytes | None, unpacks: bool) -> tuple[str, FileTree]:
    """(store path, tree) of `fetchurl` and `fetchTarball`; *digest* is the expected SHA-256, or None."""
    from snowsnake.store.hash import Hash

    # The URL of a file is not taken apart.
    if unpacks:
        warn_of_query(access.fetcher, url)
    return access.fetcher.fetch_url(url, name, None if digest is None else Hash("sha256", digest), unpacks)


def warn_of_query(fetcher: Fetcher, url: object) -> None:
    """Warns of what has no effect in a URL; C++ Nix does so as often as it reads the URL."""
    for warning in query_warnings(url) if isinstance(url, str) and "?" in url else ():
        fetcher.warn(warning)


def fetch_address(access: Access, address: str) -> tuple[str, FileTree]:
    """(store path, tree) of an entry of the search path or a file argument: an archive's URL, `channel:…` or `flake:…`."""
    if not address.startswith("flake:"):
        return fetch_url(access, full_address(address), "source", None, True)
    import os

    from snowsnake.lock.reference_text import parse_whole
    from snowsnake.lock.registries import registries_of

    warn_of_query(access.fetcher, address)
    reference = parse_whole(address[6:], features=access.fetcher.features)
    input = registries_of(access.fetcher, os.environ).resolve(reference).input
    source = access.fetcher.fetch(input)
    return source.store_path, source.files


# ---- trees ------------------------------------------------------------------------------------------------------


def fetch_tree(access: Access, given: str | dict[str, Any], is_git: bool, is_final: bool = False) -> tuple[Source, Pairs]:
    """(source, pairs) of `fetchTree` or `fetchGit`; *given* is a text, or attributes (with `type` if the program gave one).

    *is_final*: the source must be exactly as the attributes say, which are those of a lock file.
    """
    name = "fetchGit" if is_git else "fetchTree"
    fetcher = access.fetcher
    url = given.get("url") if isinstance(given, dict) else given
    # A path is not taken apart.
    if isinstance(url, str) and ":" in url:
        warn_of_query(fetcher, url)
    if isinstance(given, dict):
        attrs = dict(given)
        if is_git:
            if "type" in attrs:
                raise MalformedInput("unexpected argument 'type'")
            attrs["type"] = "git"
            if isinstance(attrs.get("url"), str):
                attrs["url"] = fix_git_url(attrs["url"]).to_text()
        if is_git and "exportIgnore" not in attrs and not _flag(attrs, "submodules"):
            attrs["exportIgnore"] = True
        if not is_git and attrs["type"] == "git" and "shallow" not in attrs:
            attrs["shallow"] = True
        if not is_git and "name" in attrs:
            raise MalformedInput("argument 'name' isn’t supported in call to 'fetchTree'")
        input = fetcher.input_from_attrs(attrs)
    elif is_git:
        input = fetcher.input_from_attrs({"type": "git", "url": fix_git_url(given).to_text(), "exportIgnore": True})
    else:
        if not access.has_feature("flakes"):
            raise MalformedInput("passing a string argument to 'fetchTree' requires the 'flakes' experimental feature")
        input = fetcher.input_from_url(given)
    if not access.is_pure and not input.is_direct and access.has_feature("flakes"):
        input = resolved(access, input)
    if access.is_pure and not input.is_locked:
        if input.nar_hash is None:
            raise ForbiddenAccess(f"in pure evaluation mode, '{name}' doesn't fetch unlocked input '{input.to_url()}'")
        fetcher.warn(
            f"Input '{input.to_url()}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. "
            "This is not reproducible and will break after garbage collection or when shared."
        )
    check_uri(access, input.to_url())
    if is_final:
        input = input.with_attrs(__final=True)
    elif input.is_final:
        raise FetchFailure(f"input '{input.to_url()}' is not allowed to use the '__final' attribute")
    if not input.is_direct:
        raise FetchFailure(f"'{input.to_url()}' is an indirect flake reference, but registry lookups are not allowed")
    source = fetcher.fetch(input)
    return source, tree_attributes(source, is_git)


def _flag(attrs: Mapping[str, object], name: str) -> bool:
    value = attrs.get(name, False)
    if not isinstance(value, bool):
        raise MalformedInput(f"input attribute '{name}' is not a Boolean")
    return value


def resolved(access: Access, input: Input) -> Input:
    """The input to which the registries resolve an indirect one."""
    import os

    from snowsnake.lock.references import Reference
    from snowsnake.lock.registries import registries_of

    return registries_of(access.fetcher, os.environ).resolve(Reference(input)).input


def tree_attributes(source: Source, is_git: bool, is_dirty: bool = False) -> Pairs:
    """The attributes of a fetched tree.  *is_git*: a missing revision is shown as zeros, as in fetchGit.  *is_dirty*: the revision is left out."""
    input = source.input
    pairs: Pairs = [("outPath", source.store_path), ("narHash", source.nar_hash)]
    if input.type == "git":
        pairs.append(("submodules", input.flag("submodules")))
    rev, count = input.rev, input.rev_count
    if not is_dirty:
        if rev is not None or is_git:
            pairs += [("rev", rev or NO_REVISION), ("shortRev", (rev or NO_REVISION)[:7])]
        if count is not None or is_git:
            pairs.append(("revCount", count or 0))
    if "dirtyRev" in input.attrs:
        pairs += [("dirtyRev", string_of(input.attrs, "dirtyRev")), ("dirtyShortRev", string_of(input.attrs, "dirtyShortRev"))]
    if input.last_modified is not None:
        pairs += [("lastModified", input.last_modified), ("lastModifiedDate", date_of(input.last_modified))]
    return pairs


def date_of(seconds: int) -> str:
    """The date in the form of `lastModifiedDate`.

    >>> date_of(0)
    '19700101000000'
    """
    try:
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        raise FetchFailure(f"the time {seconds} is in no year that has a number") from None


# ---- Mercurial --------------------------------------------------------------------------------------------------


def fetch_mercurial(access: Access, given: str | dict[str, Any]) -> tuple[Source, Pairs]:
    """(source, pairs) of `fetchMercurial`; *given* is a text, or `url`, `rev` (also a branch) and `name`."""
    attrs = dict(given) if isinstance(given, dict) else {"url": given}
    url = attrs.get("url", "")
    if not url:
        raise MalformedInput("'url' argument required")
    warn_of_query(access.fetcher, url)
    rev = attrs.get("rev")
    is_revision = rev is not None and _REVISION.fullmatch(rev) is not None
    check_uri(access, url)
    if access.is_pure and not is_revision:
        raise ForbiddenAccess("in pure evaluation mode, 'fetchMercurial' requires a Mercurial revision")
    made = {"type": "hg", "url": url if "://" in url else "file://" + url, "name": attrs.get("name", "source")}
    if rev is not None:
        made["rev" if is_revision else "ref"] = rev.lower() if is_revision else rev
    source = access.fetcher.fetch(access.fetcher.input_from_attrs(made))
    input = source.input
    found = input.rev or NO_REVISION
    pairs: Pairs = [("outPath", source.store_path), ("rev", found), ("shortRev", found[:12])]
    if input.ref is not None:
        pairs.append(("branch", input.ref))
    if input.rev_count is not None:
        pairs.append(("revCount", input.rev_count))
    return source, pairs


# ---- closures ---------------------------------------------------------------------------------------------------


def fetch_closure(access: Access, given: Mapping[str, Any]) -> tuple[str, list[tuple[str, FileTree]]]:
    """(path, trees by path) of `fetchClosure`."""
    from snowsnake.fetch.closure import closure_of
    from snowsnake.store.path import StorePath

    fetcher = access.fetcher

    def stored(name: str) -> str:
        value = given[name]
        if not isinstance(value, str):
            raise MalformedInput(f"attribute '{name}' of 'fetchClosure' is not a path")
        try:
            return str(StorePath.parse(value, fetcher.store_dir))
        except ValueError:
            raise MalformedInput(f"path '{value}' is not in the Nix store") from None

    for name in sorted(given):
        if name not in ("fromPath", "toPath", "fromStore", "inputAddressed"):
            from snowsnake.syntax.api import name_text

            raise MalformedInput(f"attribute '{name_text(name)}' isn't supported in call to 'fetchClosure'")
    if "fromPath" not in given:
        raise MalformedInput("attribute 'fromPath' is missing in call to 'fetchClosure'")
    from_path = stored("fromPath")
    to_path = None if "toPath" not in given else "" if given["toPath"] == "" else stored("toPath")
    is_input_addressed = given.get("inputAddressed", False)
    if not isinstance(is_input_addressed, bool):
        raise MalformedInput("attribute 'inputAddressed' of 'fetchClosure' is no Boolean")
    if is_input_addressed and to_path is not None:
        raise MalformedInput("attribute 'inputAddressed' is set to true, but 'toPath' is also set. Please remove one of them")
    if not isinstance(given.get("fromStore"), str):
        raise MalformedInput("attribute 'fromStore' is missing in call to 'fetchClosure'")
    check_uri(access, given["fromStore"])
    return closure_of(given["fromStore"], from_path, to_path, is_input_addressed, fetcher)
