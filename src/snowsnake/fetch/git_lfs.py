"""Git LFS: a repository has only pointers to some files, and a server says where these files are.

In: a commit's files.  Out: the files that pointers refer to, checked by size and hash, and kept in the cache.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from pygit2.enums import AttrCheck

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import fix_git_url
from snowsnake.foundation.json_faults import as_type, compact, type_fault, value_at
from snowsnake.store.hash import Hash

if TYPE_CHECKING:
    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.git_repository import Repository

_LONGEST_POINTER = 1024
_POINTER = b"version https://git-lfs.github.com/spec/v1"
_TYPE = "application/vnd.git-lfs+json"


class Smudge:
    """Replaces pointers: it is called with the path and the contents of a file of the commit, and returns the contents to use."""

    def __init__(self, repository: Repository, rev: str, fetcher: Fetcher) -> None:
        self._repository = repository
        self._rev = rev
        self._fetcher = fetcher
        self._known: dict[bytes, bool] = {}
        # What was warned of: a tree is read more than once.
        self._warned: set[str] = set()

    def __call__(self, path: bytes, data: bytes) -> bytes:
        if not self._is_lfs(path):
            return data
        shown = "/" + os.fsdecode(path)
        try:
            return self._contents(shown, data)
        except FetchFailure as error:
            error.notes.append(f"while smudging git-lfs file '{shown}'")
            raise

    def _is_lfs(self, path: bytes) -> bool:
        known = self._known.get(path)
        if known is None:
            flags = AttrCheck.NO_SYSTEM | AttrCheck.INCLUDE_COMMIT
            known = self._known[path] = self._repository.get_attr(os.fsdecode(path), "filter", flags, self._rev) == "lfs"
        return known

    def _contents(self, shown: str, data: bytes) -> bytes:
        if len(data) >= _LONGEST_POINTER:
            self._warn_of(shown, "too large")
            return data
        pointer = parse_pointer(data)
        if pointer is None:
            self._warn_of(shown, "invalid")
            return data
        oid, size = pointer
        known = self._fetcher.cache.fact("lfs", oid)
        if known is not None:
            kept = self._fetcher.cache.tree_of(known)
            if kept is not None:
                with open(kept, "rb") as file:
                    return file.read()
        return self._download(shown, oid, size)

    def _warn_of(self, shown: str, reason: str) -> None:
        if shown not in self._warned:
            self._warned.add(shown)
            self._fetcher.warn(f"encountered file '{shown}' that should have been a git-lfs pointer, but is {reason}")

    def _download(self, shown: str, oid: str, size: int) -> bytes:
        from snowsnake.fetch.downloads import http_of, keep_file

        answer = self._answer(oid, size)
        if not isinstance(answer, dict) or "objects" not in answer:
            raise FetchFailure("response does not contain 'objects'")
        try:
            offered = answer["objects"][0]
        except (KeyError, IndexError, TypeError):
            raise FetchFailure(f"bad json from /info/lfs/objects/batch: {compact(answer)}") from None
        try:
            action = offered["actions"]["download"]
            href, login = action["href"], (action.get("header") or {}).get("Authorization")
        except KeyError as error:
            reason = f"[json.exception.out_of_range.403] key '{error.args[0]}' not found"
            raise FetchFailure(f"bad json from /info/lfs/objects/batch: {compact(offered)} {reason}") from None
        except (TypeError, AttributeError):
            raise FetchFailure(f"bad json from /info/lfs/objects/batch: {compact(offered)}") from None
        for value in (href, *([] if login is None else [login])):
            if not isinstance(value, str):
                raise FetchFailure(type_fault(value, str))
        try:
            given_oid, given_size = as_type(value_at(offered, "oid"), str), value_at(offered, "size")
        except ValueError as error:
            raise FetchFailure(str(error)) from None
        if (given_oid, given_size) != (oid, size):
            raise FetchFailure(
                f"LFS server returned mismatched oid/size for '{shown}' (got oid={given_oid} size={given_size}, expected oid={oid} size={size})"
            )
        transfer = http_of(self._fetcher).download(href, "", (("Authorization", login),) if login is not None else ())
        try:
            with open(transfer.path, "rb") as file:
                data = file.read()
            if len(data) != size:
                raise FetchFailure(f"size mismatch while fetching {href}: expected {size} but got {len(data)}")
            found = Hash.of_bytes(data).base16
            if found != oid:
                raise FetchFailure(f"hash mismatch while fetching {href}: expected sha256:{oid} but got sha256:{found}")
            _, digest = keep_file(transfer, self._fetcher)
        finally:
            self._fetcher.cache.discard(transfer.path)
        self._fetcher.cache.note("lfs", oid, {"narHash": digest.sri})
        return data

    def _answer(self, oid: str, size: int) -> Any:
        from snowsnake.fetch.downloads import http_of

        endpoint, login = self._endpoint()
        request = json.dumps({"objects": [{"oid": oid, "size": size}], "operation": "download"}, separators=(",", ":"))
        headers = {"Content-Type": _TYPE, "Accept": _TYPE} | ({} if login is None else {"Authorization": login})
        body = http_of(self._fetcher).post(endpoint + "/objects/batch", request.encode(), headers)
        try:
            return json.loads(body)
        except ValueError as error:
            raise FetchFailure(f"response did not parse as json: {error}") from None

    def _endpoint(self) -> tuple[str, str | None]:
        """(URL of the LFS server, credentials for it or None).  2.34.8 takes the remote `origin`, and ends without one; ours then takes `lfs.url`."""
        url = ""
        if "origin" in [remote.name for remote in self._repository.remotes]:
            url = str(self._repository.remotes["origin"].url)
        elif "lfs.url" in self._repository.config:
            url = str(self._repository.config["lfs.url"])
        address = fix_git_url(url)
        if address.authority is None or address.scheme == "file":
            raise FetchFailure(f"there is no LFS server for the repository '{url}'")
        address.parts = ["", *os.path.normpath("/" + address.path).strip("/").split("/")]
        if address.scheme == "ssh":
            return _by_ssh(address)
        return address.to_text() + "/info/lfs", None


def _by_ssh(address: Any) -> tuple[str, str | None]:
    authority = address.authority
    host = (f"{authority.user}@" if authority.user else "") + authority.host
    if host.startswith("-"):
        raise FetchFailure(f"'{host}' is not a host")
    port = [] if authority.port is None else [f"-p{authority.port}"]
    command = ["ssh", *port, host, "--", "git-lfs-authenticate", address.path, "download"]
    try:
        output = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout
        if not output:
            raise FetchFailure(f"git-lfs-authenticate: no output (cmd: '{' '.join(command)}')")
        answer = json.loads(output)
        return str(answer["href"]), str(answer["header"]["Authorization"])
    except OSError as error:
        raise FetchFailure(f"executing 'ssh': {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise FetchFailure("no Authorization in git-lfs-authenticate response") from None


def parse_pointer(data: bytes) -> tuple[str, int] | None:
    """(SHA-256 in base 16, size) of the file that a pointer refers to; None if the contents are not a pointer."""
    if not data.startswith(_POINTER):
        return None
    oid, size = b"", b""
    for line in data.split(b"\n"):
        if line.startswith(b"oid sha256:"):
            oid = line[11:]
        elif line.startswith(b"size "):
            size = line[5:]
    if not re.fullmatch(rb"[0-9a-fA-F]{64}", oid) or not re.fullmatch(rb"[0-9]{1,18}", size):
        return None
    return oid.decode(), int(size)

