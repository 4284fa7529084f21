"""The schemes `github`, `gitlab` and `sourcehut`: archives of a revision, and the revision of a branch.

In: an input.  Out: its tree, with `rev` and `lastModified`.  Each of the `access-tokens` is sent to the host it is for, and to no other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from snowsnake.fetch.addresses import parse_address
from snowsnake.fetch.downloads import Headers, archive_of, download_file, keep_archive, unpacking
from snowsnake.fetch.errors import FetchFailure, MalformedAddress
from snowsnake.fetch.fetched import Fetched
from snowsnake.fetch.http import TransferError
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import LISTED_REF, optional_string, parsed_hash, string_of
from snowsnake.fetch.trees import DiskTree

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher

# The usual host of each forge; the attribute `host` names another one.
HOSTS = {"github": "github.com", "gitlab": "gitlab.com", "sourcehut": "git.sr.ht"}
_BEYOND_ASCII = re.compile("[^\0-\x7f]+")


@dataclass(frozen=True)
class _Place:
    """A repository at a forge."""

    kind: str
    host: str
    owner: str
    repo: str
    headers: Headers

    def commit_address(self, ref: str) -> str:
        """The URL that returns the revision of a branch, for GitHub and GitLab."""
        if self.kind == "github":
            base = "https://api.github.com" if self.host == "github.com" else f"https://{self.host}/api/v3"
            return f"{base}/repos/{self.owner}/{self.repo}/commits/{ref}"
        return f"https://{self.host}/api/v4/projects/{self.owner}%2F{self.repo}/repository/commits?ref_name={ref}"

    def archive_address(self, rev: str) -> str:
        if self.kind == "gitlab":
            return f"https://{self.host}/api/v4/projects/{self.owner}%2F{self.repo}/repository/archive.tar.gz?sha={rev}"
        if self.kind == "sourcehut":
            return f"https://{self.host}/{self.owner}/{self.repo}/archive/{rev}.tar.gz"
        if self.host != "github.com":
            return f"https://{self.host}/api/v3/repos/{self.owner}/{self.repo}/tarball/{rev}"
        # The public archives have no limit on requests.
        if not self.headers:
            return f"https://github.com/{self.owner}/{self.repo}/archive/{rev}.tar.gz"
        return f"https://api.github.com/repos/{self.owner}/{self.repo}/tarball/{rev}"


def fetch_forge(input: Input, fetcher: Fetcher) -> Fetched:
    """Fetches an input of one of the three schemes."""
    kind = input.type
    host = optional_string(input.attrs, "host")
    host = HOSTS[kind] if host is None else host
    owner, repo = string_of(input.attrs, "owner"), string_of(input.attrs, "repo")
    place = _Place(kind, host, owner, repo, headers_for(kind, host, f"{host}/{owner}/{repo}", fetcher))
    rev = input.rev
    if rev is None:
        ref = input.ref or "HEAD"
        rev = _revision_of(place, ref, input.with_attrs(ref=ref), fetcher)
    input = input.with_attrs(ref=None, rev=rev)
    key = f"{kind} {host} {owner}/{repo} {rev}"
    known = fetcher.cache.fact("forge", key)
    kept = fetcher.cache.tree_of(known) if known is not None else None
    if known is None or kept is None:
        url = _requested(place.archive_address(rev))
        shown = input.to_url()
        with unpacking(shown, fetcher), archive_of(url, "", place.headers, fetcher) as transfer:
            kept, digest, newest = keep_archive(transfer.path, shown, fetcher)
        facts: dict[str, str | int | bool] = {"narHash": digest.sri, "lastModified": newest}
        fetcher.cache.note("forge", key, facts)
    else:
        facts = dict(known)
    return Fetched(DiskTree(kept), input.with_attrs(lastModified=int(facts["lastModified"])), f"nar:{facts['narHash']}")


# ---- tokens -----------------------------------------------------------------------------------------------------


def headers_for(kind: str, host: str, place: str, fetcher: Fetcher) -> Headers:
    """The header with the token for a place, or for its host."""
    token = token_for(fetcher.settings["access-tokens"], host, place)
    if token is None:
        return ()
    if kind == "github":
        return (("Authorization", f"token {token}"),)
    if kind == "sourcehut":
        return (("Authorization", f"Bearer {token}"),)
    start = token.partition(":")[0]
    # Without a colon, all of it is the value, too.
    rest = token[token.find(":") + 1 :]
    if start == "OAuth2":
        return (("Authorization", f"Bearer {rest}"),)
    if start != "PAT":
        fetcher.warn(f"Unrecognized GitLab token type {start}")
        return ((start, rest),) if start else ()
    return (("Private-token", rest),)


def token_for(tokens: dict[str, str], host: str, place: str) -> str | None:
    """The token whose name is the longest beginning of the place, part by part; otherwise that of the host.

    >>> token_for({"h": "1", "h/a": "2"}, "h", "h/a/b"), token_for({"h": "1", "h/a": "2"}, "h", "h/ab/b")
    ('2', '1')
    """
    found = [name for name in tokens if place == name or place.startswith(name + "/")]
    if found and tokens[max(found, key=len)]:
        return tokens[max(found, key=len)]
    return tokens.get(host)


# ---- branches ---------------------------------------------------------------------------------------------------


def _revision_of(place: _Place, ref: str, input: Input, fetcher: Fetcher) -> str:
    if place.kind == "sourcehut":
        return _listed_revision(place, ref, input, fetcher)
    said = _json(place.commit_address(ref), place, fetcher)
    if place.kind == "github":
        if not isinstance(said, dict) or not isinstance(said.get("sha"), str):
            raise FetchFailure(f"Unexpected response received from GitHub: {_compact(said)}")
        return str(parsed_hash(said["sha"], "sha1").base16)
    if isinstance(said, list) and not said:
        raise FetchFailure("No commits returned by GitLab API -- does the git ref really exist?")
    if not isinstance(said, list) or not isinstance(said[0], dict) or not isinstance(said[0].get("id"), str):
        raise FetchFailure(f"Unexpected response received from GitLab: {_compact(said)}")
    return str(parsed_hash(said[0]["id"], "sha1").base16)


def _compact(said: object) -> str:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _requested(url: str) -> str:
    """The address to request.  A name may have characters that no address has: those beyond ASCII are escaped.

    >>> _requested("https://api.github.com/repos/o/r/commits/ü")
    'https://api.github.com/repos/o/r/commits/%C3%BC'
    """
    try:
        return parse_address(_BEYOND_ASCII.sub(lambda found: quote(found[0], errors="surrogateescape"), url)).to_text()
    except MalformedAddress:
        from snowsnake.fetch.curl_faults import BAD_URL, CurlFault

        fault = CurlFault(BAD_URL, "URL rejected: Malformed input to a URL function")
        raise TransferError(f"unable to download '{url}': {fault.worded(0)}") from None


def _text(url: str, place: _Place, fetcher: Fetcher) -> str:
    return download_file(_requested(url), fetcher, place.headers).tree.read(b"").decode("utf-8", "replace")


def _json(url: str, place: _Place, fetcher: Fetcher) -> Any:
    try:
        return json.loads(_text(url, place, fetcher))
    except (ValueError, RecursionError) as error:
        raise FetchFailure(f"the response of '{url}' is not JSON: {error}") from None


def _listed_revision(place: _Place, ref: str, input: Input, fetcher: Fetcher) -> str:
    base = f"https://{place.host}/{place.owner}/{place.repo}"
    if ref == "HEAD":
        match = LISTED_REF.fullmatch(_text(f"{base}/HEAD", place, fetcher).partition("\n")[0])
        if match is None:
            raise MalformedAddress(f"in '{input.to_url()}', couldn't resolve HEAD ref '{ref}'")
        wanted = {match[1]}
    else:
        wanted = {f"refs/heads/{ref}", f"refs/tags/{ref}"}
    for line in _text(f"{base}/info/refs", place, fetcher).split("\n"):
        match = LISTED_REF.fullmatch(line)
        if match is not None and match[2] in wanted:
            return str(parsed_hash(match[1], "sha1").base16)
    raise MalformedAddress(f"in '{input.to_url()}', couldn't find ref '{ref}'")
