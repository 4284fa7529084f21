"""Git, where a program or a server is needed: `git daemon`, ssh, signed commits, LFS, and repositories with SHA-256."""

import hashlib
import json
import os
import socket
import stat
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from git_calls import git

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git", "ssh-keygen")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "served" / "repo"
    folder.mkdir(parents=True)
    (folder / "a").write_text("contents\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def fetcher(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings()
    settings.set("experimental-features", "flakes nix-command fetch-tree verified-fetches")
    made = Fetcher(settings, cache_folder=str(tmp_path / "cache"), features={"fetch-tree", "flakes", "verified-fetches"})
    made.warnings = []
    made.on_warning = made.warnings.append
    yield made
    made.close()


def fetch(fetcher: Fetcher, **attrs):
    return fetcher.fetch(fetcher.input_from_attrs({"type": "git", **attrs}))


# ---- git daemon -------------------------------------------------------------------------------------------------


@pytest.fixture
def daemon(repository):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={repository.parent}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(200):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"git://127.0.0.1:{port}/repo"
    os.killpg(process.pid, 15)
    process.wait()


def test_a_git_daemon_is_fetched_from(daemon, repository, fetcher) -> None:
    source = fetch(fetcher, url=daemon)
    assert source.files.read(b"a") == b"contents\n" and source.input.rev == git(repository, "rev-parse", "HEAD")
    assert source.input.ref == "refs/heads/main" and source.input.rev_count == 1
    with pytest.raises(FetchFailure, match="Failed to fetch git repository"):
        fetch(fetcher, url=daemon, ref="none")


# ---- ssh --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """A replacement for ssh that runs the command on this machine, and records its own arguments."""
    script, calls = tmp_path / "ssh-stand-in", tmp_path / "calls"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\nfor last; do :; done\nexec sh -c "$last"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("GIT_SSH", str(script))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    return calls


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("ssh://git@host.invalid:2222{path}", "-p 2222 git@host.invalid"),
        ("git+ssh://host.invalid{path}", "host.invalid"),
    ],
)
def test_git_fetches_through_ssh(url, asked, ssh, repository, fetcher) -> None:
    source = fetcher.fetch(fetcher.input_from_url((url if url.startswith("git+") else "git+" + url).format(path=repository)))
    assert source.files.read(b"a") == b"contents\n" and source.input.rev == git(repository, "rev-parse", "HEAD")
    calls = ssh.read_text().splitlines()
    assert calls and all(asked in call and "git-upload-pack" in call for call in calls)


def test_a_host_that_ssh_would_take_for_an_option_is_refused(ssh, tmp_path, fetcher) -> None:
    with pytest.raises(FetchFailure):
        fetch(fetcher, url=f"ssh://-oProxyCommand=touch${{IFS}}{tmp_path}/owned/x")
    assert not (tmp_path / "owned").exists()


# ---- signatures -------------------------------------------------------------------------------------------------


def key_pair(folder: Path, name: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    return (folder / f"{name}.pub").read_text().split()[1]


def test_commits_must_be_signed_by_a_given_key(repository, tmp_path, fetcher) -> None:
    one, other = key_pair(tmp_path, "one"), key_pair(tmp_path, "other")
    unsigned = git(repository, "rev-parse", "HEAD")
    sign = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={tmp_path / 'one.pub'}")
    git(repository, *sign, "commit", "-q", "--allow-empty", "-S", "-m", "signed")
    signed = git(repository, "rev-parse", "HEAD")
    given = {"url": f"file://{repository}", "verifyCommit": True}

    def keys(*texts: str) -> str:
        return json.dumps([{"type": "ssh-ed25519", "key": text} for text in texts])

    assert fetch(fetcher, **given, rev=signed, publicKeys=keys(one)).input.rev == signed
    assert fetch(fetcher, **given, rev=signed, publicKeys=keys(other, one)).input.rev == signed
    assert fetch(fetcher, **given, rev=signed, keytype="ssh-ed25519", publicKey=one).input.rev == signed
    for refused in (keys(other), keys()):
        with pytest.raises(FetchFailure, match="Commit signature verification on commit .* failed"):
            fetch(fetcher, **given, rev=signed, publicKeys=refused)
    with pytest.raises(FetchFailure, match="Commit signature verification on commit .* failed"):
        fetch(fetcher, **given, rev=unsigned, publicKeys=keys(one))
    with pytest.raises(FetchFailure, match="Invalid SSH key type 'ssh-x' in publicKeys"):
        fetch(fetcher, **given, rev=signed, publicKeys=json.dumps([{"type": "ssh-x", "key": one}]))
    # Without `rev`, the clean working tree is fetched.
    assert fetch(fetcher, url=f"file://{repository}", publicKeys=keys(one)).input.rev == signed
    (repository / "a").write_text("dirty\n")
    with pytest.raises(FetchFailure, match="commit verification is required for Git repository .*, but it's dirty"):
        fetch(fetcher, **given, publicKeys=keys(one))


def test_a_signature_that_another_program_finds_good_is_none_of_the_keys(repository, tmp_path, fetcher) -> None:
    """`gpg.program` of the repository says yes to everything; git runs it for a PGP signature."""
    yes = tmp_path / "yes"
    yes.write_text('#!/bin/sh\ncat > /dev/null\nprintf "\\n[GNUPG:] SIG_CREATED D\\n" >&2\necho "-----BEGIN PGP SIGNATURE-----"\necho x\necho "-----END PGP SIGNATURE-----"\n'
                   'echo "[GNUPG:] GOODSIG 1 x"\necho "[GNUPG:] VALIDSIG 1 2 3"\n')    # fmt: skip
    yes.chmod(0o755)
    git(repository, "config", "gpg.program", str(yes))
    git(repository, "-c", f"gpg.program={yes}", "commit", "-q", "--allow-empty", "-Sx", "-m", "signed by nobody")
    rev = git(repository, "rev-parse", "HEAD")
    given = {"publicKeys": json.dumps([{"type": "ssh-ed25519", "key": key_pair(tmp_path, "one")}])}
    with pytest.raises(FetchFailure, match="Commit signature verification on commit .* failed"):
        fetch(fetcher, url=f"file://{repository}", verifyCommit=True, rev=rev, **given)


# ---- LFS --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lfs_server(repository):
    """Answers `objects/batch`, and has the objects; `served.answer` may change what is answered."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path, asked))
            (wanted,) = asked["objects"]
            action = {"href": f"{served.url}/object/{wanted['oid']}", "header": {"Authorization": "Basic c2VjcmV0"}}
            served.reply(self, json.dumps(served.answer({"objects": [{**wanted, "actions": {"download": action}}]})).encode())

        def do_GET(self) -> None:
            if self.path.startswith("/object/") and self.headers["Authorization"] == "Basic c2VjcmV0":
                served.reply(self, served.objects[self.path.rpartition("/")[2]])
            else:
                self.send_error(403)

    class Served:
        asked: list = []
        objects: dict[str, bytes] = {}
        answer = staticmethod(lambda answer: answer)

        @staticmethod
        def reply(handler, body: bytes) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

    served = Served()
    served.asked, served.objects = [], {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    git(repository, "config", "lfs.url", served.url + "/o/r.git")
    yield served
    server.shutdown()
    server.server_close()


def with_lfs(repository: Path, served, data: bytes) -> str:
    oid = hashlib.sha256(data).hexdigest()
    served.objects[oid] = data
    (repository / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repository / "x.bin").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n")
    (repository / "plain.bin").write_text("no pointer\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "large")
    return git(repository, "rev-parse", "HEAD")


def test_large_files_are_fetched_if_asked_for(lfs_server, repository, fetcher) -> None:
    data = os.urandom(100_000)
    rev = with_lfs(repository, lfs_server, data)
    given = {"url": f"file://{repository}", "rev": rev}
    assert fetch(fetcher, **given).files.read(b"x.bin").startswith(b"version https://git-lfs")
    found = fetch(fetcher, **given, lfs=True)
    assert found.files.read(b"x.bin") == data and found.files.read(b"plain.bin") == b"no pointer\n"
    assert [path for path, _ in lfs_server.asked] == ["/o/r.git/info/lfs/objects/batch"]
    assert any("should have been a git-lfs pointer, but is invalid" in text for text in fetcher.warnings)
    again = Fetcher(Settings(), cache_folder=fetcher.cache.folder, features={"fetch-tree"}, is_offline=True)
    assert fetch(again, **given, lfs=True).nar_hash == found.nar_hash and len(lfs_server.asked) == 1
    again.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda answer: {}, "response does not contain 'objects'"),
        (lambda answer: {"objects": []}, "bad json from /info/lfs/objects/batch"),
        (lambda answer: {"objects": [{"oid": answer["objects"][0]["oid"]}]}, r"bad json .*\{\"oid\":\"\w+\"\} .*key 'actions' not found"),
        (lambda answer: {"objects": [{**answer["objects"][0], "oid": 5}]}, "must be of|to be of type 'string' but it is of type 'number': 5"),
        (lambda answer: {"objects": [{**answer["objects"][0], "actions": {"download": {"href": 5}}}]}, "type must be string, but is number"),
        (lambda answer: {"objects": [{**answer["objects"][0], "actions": {"download": {"href": "http://127.0.0.1:1/", "header": {"Authorization": "a\r\nb"}}}}]},
         "Invalid header value"),
        (lambda answer: {"objects": [{**answer["objects"][0], "size": 1}]}, "LFS server returned mismatched oid/size"),
        (lambda answer: {"objects": [{**answer["objects"][0], "oid": "0" * 64}]}, "LFS server returned mismatched oid/size"),
        (lambda answer: answer, "hash mismatch while fetching"),
    ],
)
def test_an_lfs_server_that_lies_is_refused(change, message, lfs_server, repository, fetcher) -> None:
    rev = with_lfs(repository, lfs_server, b"right")
    if message.startswith("hash"):
        lfs_server.objects = {oid: b"wrong" for oid in lfs_server.objects}
    lfs_server.answer = change
    with pytest.raises(FetchFailure, match=message) as caught:
        fetch(fetcher, url=f"file://{repository}", rev=rev, lfs=True)
    assert "while smudging git-lfs file '/x.bin'" in caught.value.notes


def test_the_lfs_server_of_the_remote_takes_precedence(lfs_server, repository, fetcher) -> None:
    """2.34.8 does not read `lfs.url`; its contents were fetched from there, below `/info/lfs`, where git-lfs does not look."""
    rev = with_lfs(repository, lfs_server, b"right")
    git(repository, "config", "lfs.url", "http://127.0.0.1:1/elsewhere")
    git(repository, "remote", "add", "origin", f"{lfs_server.url}/origin.git")
    assert fetch(fetcher, url=f"file://{repository}", rev=rev, lfs=True).files.read(b"x.bin") == b"right"
    assert [path for path, _ in lfs_server.asked] == ["/origin.git/info/lfs/objects/batch"]


# ---- SHA-256 ----------------------------------------------------------------------------------------------------


def test_a_repository_with_sha256_is_an_error(tmp_path, fetcher) -> None:
    """libgit2 does not read it, so it is an error in 2.34.8, too."""
    folder = tmp_path / "sha256"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", "--object-format=sha256")
    (folder / "a").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    with pytest.raises(FetchFailure, match="unknown object format 'sha256'|unsupported extension"):
        fetch(fetcher, url=f"file://{folder}")
