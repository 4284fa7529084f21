"""GitHub, GitLab and SourceHut, by a stand-in on loopback for their addresses: which addresses are requested, with which token, and the result."""

import json
import os
from pathlib import Path

import pytest
from fetch_server import Server
from fetch_world import make_world

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)

REV = "0123456789012345678901234567890123456789"
# The hash of archives/base.tar.
TREE = "sha256-WB47SdputsfAvpTPcXA3jcpzsL8YujgjZSd8pSDg7lk="


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """A server that answers as the three forges do; every host name leads to it."""
    root = Path(os.path.realpath(tmp_path_factory.mktemp("forge"))) / "world"
    make_world(root)
    server = Server(root)
    archive = (root / "archives/base.tar.gz").read_bytes()

    def answer(handler, path: str) -> None:
        asked = handler.path
        if "/archive" in asked or "/tarball/" in asked:
            return handler._answer(200, archive)
        if "/commits/none" in asked:
            return handler._answer(422, b'{"message": "No commit found for SHA: none"}')
        if "/repos/" in asked:
            return handler._answer(200, json.dumps({"sha": REV, "commit": {"tree": {"sha": REV}}}).encode())
        if "ref_name=none" in asked:
            return handler._answer(200, b"[]")
        if "ref_name=odd" in asked:
            return handler._answer(200, b'{"message": "odd"}')
        if "repository/commits" in asked:
            return handler._answer(200, json.dumps([{"id": REV}]).encode())
        if asked.endswith("/HEAD"):
            return handler._answer(200, b"ref: refs/heads/main\n")
        return handler._answer(200, f"{'1' * 40}\trefs/heads/other\n{REV}\trefs/heads/main\n{REV}\trefs/tags/v1\n".encode())

    for kind in ("o", "repos", "api", "~o"):
        server.handlers[kind] = answer
    yield server
    server.close()


@pytest.fixture
def make(forge, tmp_path):
    made = []

    def make_one(*settings) -> Fetcher:
        values = Settings()
        for name, text in settings:
            values.set(name, text)
        fetcher = Fetcher(values, cache_folder=str(tmp_path / "cache"))
        hosts = ("github.com", "api.github.com", "gitlab.com", "git.sr.ht", "own.example.org")
        fetcher.stand_ins = {host: forge.url for host in hosts}
        made.append(fetcher)
        forge.requests.clear()
        return fetcher

    yield make_one
    for fetcher in made:
        fetcher.close()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("github:o/r", ["/repos/o/r/commits/HEAD", f"/o/r/archive/{REV}.tar.gz"]),
        ("github:o/r/main", ["/repos/o/r/commits/main", f"/o/r/archive/{REV}.tar.gz"]),
        ("github:o/r/feat/x", ["/repos/o/r/commits/feat/x", f"/o/r/archive/{REV}.tar.gz"]),
        ("github:o/r/%C3%BC", ["/repos/o/r/commits/%C3%BC", f"/o/r/archive/{REV}.tar.gz"]),
        ("github:o/%C3%BC", ["/repos/o/%C3%BC/commits/HEAD", f"/o/%C3%BC/archive/{REV}.tar.gz"]),
        ("gitlab:o/%C3%BC", ["/api/v4/projects/o%2F%C3%BC/repository/commits?ref_name=HEAD", f"/api/v4/projects/o%2F%C3%BC/repository/archive.tar.gz?sha={REV}"]),
        ("sourcehut:~o/%C3%BC/v1", ["/~o/%C3%BC/info/refs", f"/~o/%C3%BC/archive/{REV}.tar.gz"]),
        (f"github:o/r/{REV}", [f"/o/r/archive/{REV}.tar.gz"]),
        ("github:o/r?host=own.example.org", ["/api/v3/repos/o/r/commits/HEAD", f"/api/v3/repos/o/r/tarball/{REV}"]),
        ("gitlab:o/r", ["/api/v4/projects/o%2Fr/repository/commits?ref_name=HEAD", f"/api/v4/projects/o%2Fr/repository/archive.tar.gz?sha={REV}"]),
        (f"gitlab:o/r/{REV}", [f"/api/v4/projects/o%2Fr/repository/archive.tar.gz?sha={REV}"]),
        ("sourcehut:~o/r", ["/~o/r/HEAD", "/~o/r/info/refs", f"/~o/r/archive/{REV}.tar.gz"]),
        ("sourcehut:~o/r/v1", ["/~o/r/info/refs", f"/~o/r/archive/{REV}.tar.gz"]),
    ],
)
def test_a_forge_gets_these_requests_and_answers_are_kept(url, asked, forge, make) -> None:
    fetcher = make()
    found = fetcher.fetch(fetcher.input_from_url(url))
    assert forge.paths() == asked
    assert (found.nar_hash, found.input.rev, found.input.ref, found.input.last_modified) == (TREE, REV, None, 1700000000)
    assert "authorization" not in forge.requests[-1][2]
    again = make()
    assert again.fetch(again.input_from_url(url)).store_path == found.store_path
    # Everything in the cache is fresh.
    assert forge.paths() == []


@pytest.mark.parametrize(
    ("tokens", "url", "sent"),
    [
        ("github.com=t", "github:o/r", ("authorization", "token t")),
        ("github.com=t github.com/o=own github.com/oo=not", "github:o/r", ("authorization", "token own")),
        ("gitlab.com=PAT:t", "gitlab:o/r", ("private-token", "t")),
        ("gitlab.com=OAuth2:t", "gitlab:o/r", ("authorization", "Bearer t")),
        ("gitlab.com=Kind:t:u", "gitlab:o/r", ("kind", "t:u")),
        # Without a colon, C++ Nix sends the whole as name and as value.
        ("gitlab.com=t", "gitlab:o/r", ("t", "t")),
        ("git.sr.ht=t", "sourcehut:~o/r", ("authorization", "Bearer t")),
    ],
)
def test_tokens_are_sent_to_their_forge(tokens, url, sent, forge, make) -> None:
    fetcher = make(("access-tokens", tokens))
    fetcher.fetch(fetcher.input_from_url(url))
    assert len(forge.requests) > 1 and all(headers.get(sent[0]) == sent[1] for _, _, headers in forge.requests)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("github:o/r/none", "HTTP error 422"),
        ("gitlab:o/r/none", "No commits returned by GitLab API -- does the git ref really exist[?]"),
        ("gitlab:o/r/odd", 'Unexpected response received from GitLab: {"message":"odd"}'),
        ("github:o/a%20b", "unable to download 'https://api.github.com/repos/o/a b/commits/HEAD': URL using bad/illegal format or missing URL"),
        ("sourcehut:~o/r/none", "in 'sourcehut:~o/r/none', couldn't find ref 'none'"),
    ],
)
def test_errors_name_the_input(url, message, make) -> None:
    fetcher = make(("download-attempts", "1"))
    with pytest.raises(FetchFailure, match=message) as caught:
        fetcher.fetch(fetcher.input_from_url(url))
    assert caught.value.notes == [f"while fetching the input '{url}'"]


def test_a_revision_is_locked_if_forges_are_trusted() -> None:
    fetcher = Fetcher(Settings(), cache_folder="/proc/nonexistent/none")
    assert fetcher.input_from_url(f"github:o/r/{REV}").is_locked
    wary = Settings()
    wary.set("trust-tarballs-from-git-forges", "false")
    fetcher = Fetcher(wary, cache_folder="/proc/nonexistent/none")
    assert not fetcher.input_from_url(f"github:o/r/{REV}").is_locked
    assert fetcher.input_from_url(f"github:o/r/{REV}?narHash={TREE}").is_locked
