"""Fetching from servers that behave badly, and from the cache: retries, resuming, ETags, ages, passwords, offline, interruption, kills."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import SOURCE
from fetch_server import Server
from fetch_world import make_world, tar_bytes

from snowsnake.fetch import archive
from snowsnake.fetch.downloads import http_of
from snowsnake.fetch.errors import FetchCancelled, FetchFailure, MalformedInput
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.http import TransferError
from snowsnake.fetch.netrc import read_netrc
from snowsnake.settings import Settings
from snowsnake.store.hash import Hash

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = Path(os.path.realpath(tmp_path_factory.mktemp("served"))) / "world"
    make_world(root)
    (root / "large").write_bytes(os.urandom(1 << 20))
    server = Server(root)
    yield root, server
    server.close()


@pytest.fixture
def make(tmp_path):
    """Fetchers with one cache."""
    made = []

    def make_one(*, settings=(), **options):
        values = Settings()
        for name, text in settings:
            values.set(name, text)
        warnings = []
        fetcher = Fetcher(values, cache_folder=str(tmp_path / "cache"), on_warning=warnings.append, **options)
        fetcher.warnings = warnings
        made.append(fetcher)
        return fetcher

    yield make_one
    for fetcher in made:
        fetcher.close()


def fetched(fetcher, url: str) -> bytes:
    return fetcher.fetch_url(url, "x", None, False)[1].read(b"")


def test_a_transfer_that_breaks_goes_on_where_it_was(served, make) -> None:
    root, server = served
    server.requests.clear()
    fetcher = make()
    assert fetched(fetcher, f"{server.url}/cut/resume/2/large") == (root / "large").read_bytes()
    ranges = [headers.get("range") for _, _, headers in server.requests]
    assert ranges == [None, "bytes=524288-", "bytes=786432-"]
    assert all("retrying from offset" in text for text in fetcher.warnings) and len(fetcher.warnings) == 2


def test_requests_are_repeated_after_errors_of_the_server(served, make) -> None:
    root, server = served
    fetcher = make()
    for code in (429, 500, 503, 408):
        assert fetched(fetcher, f"{server.url}/fail/{code}/2/{code}/plain/a") == b"a\n"
    with pytest.raises(TransferError, match="HTTP error 404"):
        fetched(fetcher, f"{server.url}/fail/none/9/404/plain/a")
    assert server.counts["none"] == 1


@pytest.mark.parametrize("kind", ["file", "tarball", "flake reference"])
def test_a_url_longer_than_curl_takes_is_refused_at_once(served, make, kind: str) -> None:
    """C++ Nix's words; no connection is opened and nothing is tried again."""
    _, server = served
    server.requests.clear()
    fetcher = make()
    url = f"{server.url}/files/" + "a" * 8_000_000
    with pytest.raises(FetchFailure, match=re.escape("URL using bad/illegal format or missing URL (3) No URL set")):
        if kind == "flake reference":
            fetcher.fetch(fetcher.input_from_url(f"tarball+{url}.tar"))
        else:
            fetcher.fetch_url(url, "x", None, kind == "tarball")
    assert server.requests == [] and fetcher.warnings == []


def test_an_etag_saves_the_transfer(served, make) -> None:
    _, server = served
    url = f"{server.url}/files/archives/base.tar.gz"
    first = make().fetch_url(url, "source", None, True)[0]
    server.requests.clear()
    assert make().fetch_url(url, "source", None, True)[0] == first
    # The fetched file is still fresh.
    assert server.requests == []
    assert make(settings=[("tarball-ttl", "0")]).fetch_url(url, "source", None, True)[0] == first
    assert [headers.get("if-none-match") is not None for _, _, headers in server.requests] == [True]
    server.requests.clear()
    assert make().fetch_url(url, "source", None, True)[0] == first
    # The file is fresh again.
    assert server.requests == []


def test_a_file_whose_server_is_gone_is_taken_from_the_cache(served, make) -> None:
    _, server = served
    own = Server(served[0])
    url = f"{own.url}/files/plain/a"
    assert fetched(make(), url) == b"a\n"
    own.close()
    late = make(settings=[("tarball-ttl", "0"), ("download-attempts", "1")])
    assert fetched(late, url) == b"a\n"
    assert late.warnings and late.warnings[0].endswith("; using cached version")
    with pytest.raises(FetchFailure, match="Could not connect to server"):
        fetched(make(settings=[("download-attempts", "1")]), f"{own.url}/files/plain/run")


def test_offline_uses_only_what_is_kept(served, make) -> None:
    _, server = served
    url = f"{server.url}/files/plain/a"
    with pytest.raises(FetchFailure, match="--offline"):
        fetched(make(is_offline=True), url)
    assert fetched(make(), url) == b"a\n"
    server.requests.clear()
    assert fetched(make(is_offline=True, settings=[("tarball-ttl", "0")]), url) == b"a\n"
    repository = {"type": "git", "url": f"{server.url}/git/repo"}
    offline = make(is_offline=True)
    with pytest.raises(FetchFailure, match="Failed to fetch git repository"):
        offline.fetch(offline.input_from_attrs(repository))
    online = make()
    found = online.fetch(online.input_from_attrs(repository))
    server.requests.clear()
    again = make(is_offline=True, settings=[("tarball-ttl", "0")])
    assert again.fetch(again.input_from_attrs(repository)).nar_hash == found.nar_hash
    assert server.requests == []


def test_a_commit_that_the_copy_with_history_has_is_not_fetched_again(served, make) -> None:
    """Evaluating a locked input needs no history; locking it fetched one."""
    root, _ = served
    given = {"type": "git", "url": f"file://{root}/bare.git"}
    online, offline = make(), make(is_offline=True)
    whole = online.fetch(online.input_from_attrs(given))
    again = offline.fetch(offline.input_from_attrs({**given, "rev": whole.input.rev, "shallow": True}))
    assert again.nar_hash == whole.nar_hash and "revCount" not in again.input.attrs


def test_passwords_come_from_netrc(served, make, tmp_path) -> None:
    _, server = served
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    url = f"{server.url}/login/plain/a"
    with pytest.raises(TransferError, match="HTTP error 401"):
        fetched(make(), url)
    assert fetched(make(settings=[("netrc-file", str(netrc))]), url) == b"a\n"
    assert fetched(make(), url.replace("//", "//user:secret@")) == b"a\n"


# What curl sends for these files, to a server on 127.0.0.1.
_NETRC = {
    "machine 127.0.0.1 login user password secret": "user:secret",
    "machine other login a password b\ndefault login user password secret": "user:secret",
    "default login user password secret\nmachine 127.0.0.1 login a password b": "user:secret",
    'machine 127.0.0.1 login user password "a \\"b\\n"': 'user:a "b\n',
    "# machine 127.0.0.1 login x password y\nmachine 127.0.0.1 # here\n login user password sec#ret # there": "user:sec#ret",
    "machine 127.0.0.1 login user password #secret": "user:#secret",
    "machine 127.0.0.1 login #user password # # there": "#user:#",
    "machine 127.0.0.1 login user password\n # a comment\nsecret": "user:secret",
    "machine 127.0.0.1 login user": "user:",
    "machine 127.0.0.1 password secret login user login last": "last:secret",
    "machine 127.0.0.1\nmachine 127.0.0.1 login user password secret": "user:secret",
    "machine 127.0.0.1 macdef m\n\nlogin a password b": None,
    "machine 127.0.0.1 login user password macdef m": "user:macdef",
    "login machine 127.0.0.1 password secret": None,
    "default": None,
    "machine 127.0.0.1 login user password " + "x" * 4096: None,
    "machine 127.0.0.1 login user password secret" + " " * 5000: "user:secret",
    "machine 127.0.0.1 login user password secret\n" + "#" * 20_000: None,
    "machine 127.0.0.1 login a password b\nmachine 127.0.0.1 login user password secret": "a:b",
    "machine 127.0.0.1 login a login user password x password secret": "user:secret",
    "macdef init\nmachine 127.0.0.1 login a password b\n\nmachine 127.0.0.1 login user password secret": "user:secret",
    "MACHINE 127.0.0.1 LOGIN user PASSWORD secret": "user:secret",
    "machine 127.0.0.1 account x foo bar login user password secret": "user:secret",
    'machine 127.0.0.1 login "user password secret': None,
    "machine 127.0.0.1 login us\u00e9r password s\u00e9cret": "us\u00e9r:s\u00e9cret",
    "\0 machine 127.0.0.1 login user password secret": None,
}


@pytest.mark.parametrize("text", _NETRC, ids=lambda text: text[:80])
def test_a_netrc_file_is_read_as_curl_reads_it(text, served, make, tmp_path) -> None:
    _, server = served
    (tmp_path / "netrc").write_text(text, encoding="utf-8")
    fetched(make(settings=[("netrc-file", str(tmp_path / "netrc"))]), f"{server.url}/files/plain/a")
    sent = server.requests[-1][2].get("authorization", "")
    assert sent == ("" if _NETRC[text] is None else "Basic " + base64.b64encode(_NETRC[text].encode()).decode())


def test_a_netrc_file_without_an_end_is_given_up(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [read_netrc(path) for path in ("/dev/zero", "/dev/null", str(tmp_path), str(tmp_path / "pipe"), str(tmp_path / "nowhere"))] == [""] * 5


@pytest.mark.parametrize(("login", "sent"), [("", "user:secret"), ("user", "user:secret"), ("a", "a:"), (":b", "user:secret"), ("a:b", "a:b"), ("user:", "user:")])
def test_a_netrc_file_completes_what_the_url_says(login, sent, served, make, tmp_path) -> None:
    _, server = served
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret")
    fetched(make(settings=[("netrc-file", str(tmp_path / "netrc"))]), f"{server.url}/files/plain/a".replace("//", f"//{login}@", 1))
    assert server.requests[-1][2]["authorization"] == "Basic " + base64.b64encode(sent.encode()).decode()


def test_a_small_request_is_led_on_and_repeated_as_by_curl(served, make) -> None:
    _, server = served
    server.counts.clear()
    http = http_of(make())
    assert http.post(f"{server.url}/to/2/plain/a", b"{}", {}) == b"a\n"
    assert [method for method, _, _ in server.requests[-3:]] == ["POST", "GET", "GET"]
    assert http.post(f"{server.url}/fail/posted/2/500/plain/a", b"{}", {}) == b"a\n"
    with pytest.raises(TransferError, match=r"unable to upload '.*': HTTP error 404\n\nresponse body:\n\nthe body"):
        http.post(f"{server.url}/status/404", b"{}", {})
    with pytest.raises(TransferError, match="curl error: Unsupported protocol"):
        http.post(f"{server.url}/elsewhere?file:///etc/passwd", b"{}", {})


def test_an_unexpected_not_modified_is_no_file(served, make) -> None:
    """It counted as a download that succeeded, of an empty file."""
    _, server = served
    with pytest.raises(TransferError, match="HTTP error 304"):
        fetched(make(), f"{server.url}/status/304")


def test_an_answer_that_is_announced_for_ever_is_an_error(served, make) -> None:
    _, server = served
    with pytest.raises(TransferError, match="Weird server reply"):
        fetched(make(settings=[("download-attempts", "1")]), f"{server.url}/raw/endless-interim")


def test_a_token_goes_to_no_other_host(served, make) -> None:
    """The server on another port counts as another host."""
    _, server = served
    other = Server(served[0])
    fetcher = make()
    from snowsnake.fetch.downloads import download_file

    download_file(f"{server.url}/elsewhere?{other.url}/files/plain/a", fetcher, (("Authorization", "token t"),))
    assert server.requests[-1][2].get("authorization") == "token t"
    assert "authorization" not in other.requests[-1][2]
    other.close()


def test_a_redirect_leads_to_no_file(served, make, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    with pytest.raises(TransferError, match="Unsupported protocol"):
        fetched(make(), f"{served[1].url}/elsewhere?file://{secret}")


@pytest.mark.parametrize("path", ["slow/large", "endless/x"])
def test_cancelling_stops_at_once(path, served, make, tmp_path) -> None:
    stopped = threading.Event()
    fetcher = make(is_cancelled=stopped.is_set)
    threading.Timer(0.5, stopped.set).start()
    with pytest.raises(FetchCancelled):
        fetched(fetcher, f"{served[1].url}/{path}")
    fetcher.close()
    assert list((tmp_path / "cache" / "work").iterdir()) == []


def test_a_hash_is_checked_before_anything_is_believed(served, make) -> None:
    root, server = served
    fetcher = make()
    wrong = Hash.of_bytes(b"other")
    with pytest.raises(FetchFailure, match="hash mismatch in file downloaded") as caught:
        fetcher.fetch_url(f"{server.url}/files/plain/a", "a", wrong, False)
    assert caught.value.exit_code == 102
    right = Hash.of_file(root / "plain/a")
    server.requests.clear()
    # The file is known by its hash.
    assert make().fetch_url("http://127.0.0.1:1/a", "a", right, False)[1].read(b"") == b"a\n"
    assert server.requests == []


def test_locked_inputs_need_no_network(served, make) -> None:
    root, server = served
    fetcher = make()
    found = fetcher.fetch(fetcher.input_from_url(f"{server.url}/files/archives/base.tar"))
    locked = {**found.input.attrs, "url": "http://127.0.0.1:1/none.tar", "__final": True}
    offline = make(is_offline=True)
    assert offline.fetch(offline.input_from_attrs(locked)).store_path == found.store_path


def test_the_hash_of_a_tree_is_remembered(served, make, monkeypatch) -> None:
    """Also that of a dirty tree, of which only changed files are read again; a commit with the same files has the same hash."""
    root = served[0]
    folder = root.parent / "remembered"
    shutil.copytree(root / "dirty", folder, symlinks=True)
    fetcher = make()
    input = fetcher.input_from_attrs({"type": "git", "url": str(folder)})
    first = fetcher.fetch(input)
    import snowsnake.fetch.tree_hash as tree_hash

    def must_not_run(*_):
        raise AssertionError("hashed again")

    monkeypatch.setattr(tree_hash, "hash_of", must_not_run)
    assert make().fetch(input).nar_hash == first.nar_hash
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-qam", "now"], cwd=folder, check=True)
    clean = make().fetch(input)
    assert (clean.nar_hash, "dirtyRev" in clean.input.attrs) == (first.nar_hash, False)
    monkeypatch.undo()
    (folder / "a").write_text("changed once more\n")
    changed = make().fetch(input)
    assert changed.nar_hash == Hash.of_path(_export(changed.files, root.parent / "export")).sri != first.nar_hash


def _export(tree, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)

    def copy(path: bytes, to: Path) -> None:
        kind = tree.kind(path)
        if kind == "directory":
            to.mkdir()
            for name, _ in tree.list(path):
                copy(path + b"/" + name if path else name, to / os.fsdecode(name))
        elif kind == "symlink":
            to.symlink_to(os.fsdecode(tree.link(path)))
        else:
            to.write_bytes(tree.read(path))
            to.chmod(0o755 if kind == "executable" else 0o644)

    copy(b"", target)
    return target


# ---- the cache --------------------------------------------------------------------------------------------------


def run(words: list[str], cache: Path, **options):
    code = "import sys; from snowsnake.cli.main import main; sys.exit(main())"
    environment = os.environ | {"PYTHONPATH": SOURCE, "SNOWSNAKE_CACHE_DIR": str(cache)}
    return subprocess.Popen([sys.executable, "-c", code, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_cache_commands_show_check_and_clear(served, tmp_path) -> None:
    _, server = served
    cache = tmp_path / "c"

    def said(*words: str) -> bytes:
        process = run(["cache", *words], cache)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    out, err = run(["eval", "-E", f'fetchTarball "{server.url}/files/archives/base.tar"'], cache).communicate(timeout=120)
    assert out.startswith(b'"/nix/store/'), err
    facts = json.loads(said("stats", "--fetched", "--json"))
    assert facts["trees"] == 1 and facts["tree_bytes"] > 100
    assert said("verify", "--fetched") == b"1 fetched trees, no faults\n"
    (tree,) = (cache / "fetch" / "trees").iterdir()
    (tree / "a").chmod(0o644)
    (tree / "a").write_text("damaged")
    process = run(["cache", "verify", "--fetched"], cache)
    assert b"were damaged" in process.communicate(timeout=120)[1] and process.returncode == 1
    assert json.loads(said("stats", "--fetched", "--json"))["trees"] == 0
    said("clear", "--fetched")
    assert said("clear", "--fetched", "--limit", "1") == b"0 bytes freed\n"


def test_the_size_of_the_cache_is_limited(served, tmp_path) -> None:
    root, _ = served
    settings = Settings()
    fetcher = Fetcher(settings, cache_folder=str(tmp_path / "c"), cache_limit_bytes=20_000)
    for number in range(5):
        name = root / f"archive-{number}.tar"
        name.write_bytes(tar_bytes([("f", b"0", os.urandom(8000), "", 0o644)]))
        fetcher.fetch_url(f"file://{name}", "source", None, True)
    assert 1 <= len(fetcher.cache.trees()) <= 2
    assert len(os.listdir(tmp_path / "c" / "trees")) == len(fetcher.cache.trees())
    fetcher.close()


def test_a_setting_limits_the_size(tmp_path) -> None:
    settings = Settings()
    settings.set("fetch-cache-size", "1M")
    fetcher = Fetcher(settings, cache_folder=str(tmp_path / "c"))
    for number in range(3):
        name = tmp_path / f"archive-{number}.tar"
        name.write_bytes(tar_bytes([("f", b"0", os.urandom(700_000), "", 0o644)]))
        fetcher.fetch_url(f"file://{name}", "source", None, True)
    assert len(fetcher.cache.trees()) == 1
    fetcher.close()


def test_a_damaged_index_is_made_anew(served, make, tmp_path) -> None:
    url = f"{served[1].url}/files/plain/a"
    fetcher = make()
    fetched(fetcher, url)
    fetcher.close()
    (tmp_path / "cache" / "index.sqlite").write_bytes(b"this is no database " * 400)
    assert fetched(make(), url) == b"a\n"


def test_a_cache_that_cannot_be_made_is_a_clear_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    fetcher = Fetcher(Settings(), cache_folder=str(tmp_path / "file" / "cache"))
    with pytest.raises(FetchFailure, match="cannot use the cache"):
        fetched(fetcher, "http://127.0.0.1:1/x")


def test_a_killed_fetch_leaves_nothing_that_is_believed(served, tmp_path, request) -> None:
    """A process that is killed while it fetches leaves nothing that is believed, and nothing that stays."""
    _, server = served
    cache = tmp_path / "c"
    expression = f'{{ a = fetchTarball "{server.url}/files/archives/base.tar.gz"; b = (fetchGit "{server.url}/git/repo").narHash; }}'
    for number in range(request.config.getoption("--kills")):
        process = run(["eval", "--strict", "--json", "-E", f"with builtins; {expression}"], cache, start_new_session=True)
        time.sleep(0.1 + 0.05 * (number % 16))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if number % 4 == 3:
            shutil.rmtree(cache / "fetch" / "trees", ignore_errors=True)
    process = run(["eval", "--strict", "--json", "-E", f"with builtins; {expression}"], cache)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["a"] == "/nix/store/sgkvdijxq51ixr52xkyzm1j04l592bq8-source"
    assert json.loads(out)["b"] == "sha256-RRmI/s7yfPKFmdwUwq/L3/fw/k9Vk1mEyEUKFMCbACA="
    assert not list((cache / "fetch" / "work").iterdir())
    for tree in (cache / "fetch" / "trees").iterdir():
        assert Hash.of_path(tree).nix32 == tree.name


def test_an_interrupt_ends_a_download(served, tmp_path) -> None:
    process = run(["eval", "-E", f'builtins.fetchurl "{served[1].url}/slow/large"'], tmp_path / "c")
    time.sleep(2)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 30
    assert not [path for path in (tmp_path / "c").rglob("new")]


def test_several_processes_fetch_at_once(served, tmp_path) -> None:
    _, server = served
    expression = f'fetchTarball "{server.url}/files/archives/base.tar.xz"'
    processes = [run(["eval", "-E", expression], tmp_path / "c") for _ in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, out) == (0, b'"/nix/store/sgkvdijxq51ixr52xkyzm1j04l592bq8-source"\n'), err


def test_progress_is_reported_as_events(served, tmp_path) -> None:
    process = run(["eval", "--log-format", "internal-json", "-E", f'builtins.fetchurl "{served[1].url}/files/large"'], tmp_path / "c")
    _, err = process.communicate(timeout=120)
    events = [json.loads(line.removeprefix(b"@nix ")) for line in err.splitlines()]
    url = f"{served[1].url}/files/large"
    assert [event["action"] for event in (events[0], events[-1])] == ["start", "stop"]
    steps = [event for event in events[1:-1] if event["action"] == "result" and event["type"] == 105]
    # A slow machine shows more than the whole.
    assert steps and len(steps) == len(events) - 2
    assert events[0] == {
        "action": "start", "id": events[-1]["id"], "level": 4, "parent": 0, "text": f"downloading '{url}'", "type": 101, "fields": [url],
    }  # fmt: skip
    assert steps[-1]["fields"] == [1 << 20, 1 << 20, 0, 0]


# ---- hostile archives -------------------------------------------------------------------------------------------


def unpacked(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "archive").write_bytes(data)
    target = tmp_path / "outer" / "inner"
    target.parent.mkdir(exist_ok=True)
    archive.unpack(str(tmp_path / "archive"), str(target))
    return str(target)


def test_an_archive_writes_nothing_outside_its_folder(tmp_path) -> None:
    """A path through a link to a folder outside is refused; a hard link to a link does not follow the link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = ("t/l", b"2", b"", str(outside), 0o777)
    with pytest.raises(archive.ArchiveError, match="non-directory parent"):
        unpacked(tmp_path, tar_bytes([("t/0", b"0", b"", "", 0o644), link, ("t/l/evil", b"0", b"x", "", 0o644)]))
    assert list(outside.iterdir()) == []
    shutil.rmtree(tmp_path / "outer")
    unpacked(tmp_path, tar_bytes([("t/0", b"0", b"", "", 0o644), link, ("t/h", b"1", b"", "t/l", 0o644)]))
    assert (tmp_path / "outer/inner/t/h").is_symlink() and list(outside.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "outer").iterdir()) == ["inner"]


@pytest.mark.parametrize(
    ("kinds", "others_before", "found"),
    [
        ("fd", 0, "d"), ("df", 0, "d"), ("ld", 0, "d"), ("dl", 0, "d"), ("fl", 0, "0"), ("lf", 0, "l"), ("ff", 0, "1"),
        ("fd", 1, "0"), ("df", 1, "1"), ("ld", 1, "d"), ("fl", 1, "0"), ("lf", 1, "1"), ("fdf", 0, "2"), ("ldf", 0, "d"), ("dff", 0, "2"),
    ],
)  # fmt: skip
def test_entries_with_one_name_replace_each_other_as_in_nix(tmp_path, kinds, others_before, found) -> None:
    """A file (f) replaces what came before, unless it is the first of the archive; a folder (d) replaces a link (l) and the first file."""
    types = {"f": b"0", "d": b"5", "l": b"2"}
    members = [("t/o", b"0", b"", "", 0o644)] * others_before
    members += [("t/x", types[kind], str(number).encode() * (kind == "f"), "x" * (kind == "l"), 0o755) for number, kind in enumerate(kinds)]
    path = Path(unpacked(tmp_path, tar_bytes(members)), "t/x")
    assert ("l" if path.is_symlink() else "d" if path.is_dir() else path.read_text()) == found


def test_an_archive_that_is_much_larger_unpacked_is_refused(tmp_path, monkeypatch) -> None:
    import lzma

    monkeypatch.setattr(archive, "_SUSPECT_BYTES", 1 << 20)
    monkeypatch.setattr(archive, "_MOST_ENTRIES", 1000)
    with pytest.raises(archive.ArchiveError, match="bomb"):
        unpacked(tmp_path, lzma.compress(tar_bytes([("zeros", b"0", bytes(1 << 24), "", 0o644)])))
    shutil.rmtree(tmp_path / "outer")
    with pytest.raises(archive.ArchiveError, match="more than 1000 entries"):
        unpacked(tmp_path, tar_bytes([(f"f{number}", b"0", b"", "", 0o644) for number in range(1100)]))
    shutil.rmtree(tmp_path / "outer")
    with pytest.raises(archive.ArchiveError, match="more than 1000 parts"):
        unpacked(tmp_path, tar_bytes([("/".join("d" * 1100), b"0", b"", "", 0o644)]))


def test_mangled_archives_end_in_an_error_or_a_tree(tmp_path) -> None:
    """They never end in anything else, and never write outside of their folder."""
    import random

    source = random.Random(7)
    make_world(tmp_path / "w")
    folder = tmp_path / "w" / "archives"
    originals = [path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith(("base", "twice", "long"))]
    for number in range(300):
        data = bytearray(source.choice(originals))
        for _ in range(source.randint(1, 8)):
            at = source.randrange(len(data))
            data[at : at + source.randint(0, 3)] = source.randbytes(source.randint(0, 3))
        try:
            unpacked(tmp_path, bytes(data))
        except FetchFailure:
            pass
        assert sorted(path.name for path in (tmp_path / "outer").iterdir()) in ([], ["inner"]), number
        shutil.rmtree(tmp_path / "outer")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("200 OK|Content-Length: \xb2", "Weird server reply"),
        ("200 OK|Content-Length: " + "9" * 5000, ""),
        ("429 Slow|Retry-After: \xb2", "HTTP error 429"),
        ("302 Found|Location: http://[x/", "URL using bad/illegal format or missing URL"),
        ("302 Found|Location: http://127.0.0.1:99999999/", "URL using bad/illegal format or missing URL"),
        ("302 Found|Location: http://127.0.0.1:port/", "URL using bad/illegal format or missing URL"),
    ],
)
def test_senseless_headers_are_ignored_or_clear_errors(make, answer: str, message: str) -> None:
    """A redirect to an impossible port once counted as a download that succeeded, and numbers that Python cannot read ended in a ValueError."""
    status, _, header = answer.partition("|")
    lines = [f"HTTP/1.1 {status}", header, *([] if "Length" in header else ["Content-Length: 0"]), "Connection: close"]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall("\r\n".join([*lines, "", "hello"]).encode("latin-1"))

        thread = threading.Thread(target=serve)
        thread.start()
        fetcher = make(settings=[("download-attempts", "1"), ("connect-timeout", "5")])
        try:
            assert fetched(fetcher, f"http://127.0.0.1:{listener.getsockname()[1]}/x") == b"hello" and "Length" in header
        except TransferError as error:
            assert message and message in str(error)
        thread.join()


@pytest.mark.parametrize("url", ["path:/x?lastModified=", "tarball+http://h/x.tar?revCount=", "http://h:"])
def test_numbers_that_python_does_not_read_are_ignored_or_clear_errors(make, url: str) -> None:
    try:
        attributes = make().input_from_url(url + "1" * 5000).attrs
    except MalformedInput as error:
        assert "invalid" in str(error)
    else:
        assert attributes == {"type": "tarball", "url": "http://h/x.tar"}
