"""Stores behind a daemon: the real nix-daemon where it is installed, and daemons that lie, stall and die."""

import contextlib
import io
import json
import os
import shlex
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from snowsnake.store import nar
from snowsnake.store.daemon.connection import DaemonConnection, DaemonOperation, Garbage
from snowsnake.store.daemon.store import DaemonStore
from snowsnake.store.daemon.wire import DaemonError, Message, Wire
from snowsnake.store.graph import closure
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo

COMMAND = Path(os.sys.executable).with_name("snowsnake-instantiate")
IMPORTED = """
let
  make = name: script: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ]; };
in {
  good = import (make "good" "echo '{ a = 42; }' > $out");
  two = builtins.readFile (make "two" "echo from ${make "one" "echo 1 > $out"} > $out");
  outer = make "outer" "cat ${make "inner" "echo > $out"} > $out";
  bad = import (make "bad" "echo it went wrong; exit 3");
}
"""


def daemons() -> list[str]:
    """The programs nix-daemon: Debian's, and that of the reference evaluator."""
    beside = Path(os.environ["SNOWSNAKE_REFERENCES"], "tools/nix-daemon")
    return [path for path in (shutil.which("nix-daemon"), str(beside)) if path and os.access(path, os.X_OK)]


@pytest.fixture(params=daemons() or [pytest.param("", marks=pytest.mark.skip(reason="no nix-daemon"))])
def daemon(request, tmp_path):
    """A running daemon with a store of its own; the variables with which a client finds it."""
    environment = {
        "NIX_STORE_DIR": f"{tmp_path}/store", "NIX_STATE_DIR": f"{tmp_path}/state", "NIX_LOG_DIR": f"{tmp_path}/log",
        "NIX_CONF_DIR": f"{tmp_path}/conf", "NIX_DAEMON_SOCKET_PATH": f"{tmp_path}/socket", "HOME": str(tmp_path), "PATH": os.environ["PATH"],
        "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nsubstitute = false\nbuilders =\n"
        "experimental-features = nix-command ca-derivations impure-derivations\n",
    }  # fmt: skip
    # The reference's build hook cannot be started outside of its changed root.
    if "/usr" not in request.param:
        environment["NIX_CONFIG"] += "build-hook =\n"
    with open(tmp_path / "daemon.log", "wb") as log:
        process = subprocess.Popen([request.param], env=environment | {"NIX_REMOTE": "local"}, stdout=log, stderr=log)
    try:
        for _ in range(200):
            if os.path.exists(environment["NIX_DAEMON_SOCKET_PATH"]):
                break
            time.sleep(0.05)
        else:
            pytest.fail((tmp_path / "daemon.log").read_text())
        yield environment
    finally:
        process.terminate()
        process.wait()


def test_a_daemon_gets_the_objects_that_a_folder_would_hold(daemon, tmp_path):
    """The paths and facts are those of a store in a folder, and the daemon finds no fault in them."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("text")
    (source / "link").symlink_to("file")
    stores = [
        DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]),
        LocalStore(tmp_path / "local", daemon["NIX_STORE_DIR"]),
    ]
    facts = []
    for store in stores:
        with store:
            text = store.add_text("text", b"x" * 100)
            many = [store.add_text(f"many-{i}", b"m", [text]) for i in range(1500)]
            paths = [text, many[-1], store.add_flat("flat", b"flat"), store.add_source("source", source)]
            paths.append(store.add_source("file", source / "file", "flat"))
            store.flush()
            infos = [store.info(path) for path in paths]
            facts.append([(info.path, info.nar_hash, info.nar_size, info.references, info.ca) for info in infos])
            assert closure(store, [many[0]]) == {text, many[0]}
            assert store.path_with_hash(text.rpartition('/')[2][:32]) == text
            assert len(store.referrers(text)) == 1500
            assert len(store.paths()) == 1504
            assert store.info(f"{daemon['NIX_STORE_DIR']}/{'0' * 32}-none") is None
    assert facts[0] == facts[1]
    assert (Path(facts[0][3][0]) / "link").readlink() == Path("file")


def instantiate(environment, tmp_path, *words):
    (tmp_path / "imported.nix").write_text(IMPORTED)
    return subprocess.run(
        [COMMAND, "--store", "daemon", *words, str(tmp_path / "imported.nix")], env=environment, capture_output=True, text=True, timeout=120
    )


def test_imports_from_derivations_are_built_by_the_daemon(daemon, tmp_path):
    good = instantiate(daemon, tmp_path, "--eval", "--strict", "--read-write-mode", "-A", "good")
    assert (good.stdout, good.returncode) == ("{ a = 42; }\n", 0), good.stderr
    two = instantiate(daemon, tmp_path, "--eval", "--read-write-mode", "-A", "two")
    assert two.stdout.startswith('"from ') and two.stdout.endswith('-one\\n"\n'), two.stderr
    bad = instantiate(daemon, tmp_path, "--eval", "--read-write-mode", "-A", "bad")
    assert bad.returncode == 1 and "builder" in bad.stderr and "failed with exit code 3" in bad.stderr


def test_import_from_derivation_is_refused(daemon, tmp_path):
    refused = instantiate(daemon, tmp_path, "--eval", "--read-write-mode", "-A", "good", "--option", "allow-import-from-derivation", "false")
    assert refused.returncode == 1
    assert "during evaluation because the option 'allow-import-from-derivation' is disabled" in refused.stderr


def test_the_plan_of_what_another_client_added(daemon, tmp_path):
    """The order of the plan follows from derivations, which are requested after the whole answer was read."""
    made = instantiate(daemon, tmp_path, "--no-gc-warning", "-A", "outer")
    assert made.returncode == 0, made.stderr
    outer = made.stdout.strip()
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        missing = store.missing([f"{outer}!out"])
        assert [path.rpartition("-")[2] for path in missing.builds] == ["inner.drv", "outer.drv"]
        assert (missing.download_size, missing.nar_size, store.is_valid(outer)) == (0, 0, True)


def test_roots_and_what_is_missing(daemon, tmp_path):
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        path = store.add_text("kept", b"kept")
        link = store.add_root(str(tmp_path / "root"), path)
        assert os.readlink(link) == path
        unknown = f"{daemon['NIX_STORE_DIR']}/{'1' * 32}-unknown"
        assert store.missing([unknown]).unknown == [unknown]
        with pytest.raises(DaemonError):
            store.realise([unknown])
        # The connection goes on after a refusal.
        assert store.is_valid(path)


def test_what_the_daemon_gave_up_is_no_failure(daemon, tmp_path):
    """Only the failure is reported; 2.34 says nothing about builds that did not begin after it."""
    (tmp_path / "fixed.nix").write_text(
        'let make = name: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${name} > $out" ]; '
        'outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = builtins.hashString "sha256" ""; }; in { x1 = make "x1"; x2 = make "x2"; x3 = make "x3"; }'
    )
    command = [COMMAND.with_name("snowsnake-nix"), "build", "--store", "daemon", "-f", str(tmp_path / "fixed.nix"), "x1", "x2", "x3", "--no-link", "-j1"]
    for options, count in (([], 1), (["--keep-going"], 4)):
        done = subprocess.run([*command, *options], env=daemon, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1 and done.stderr.count("hash mismatch in fixed-output derivation") == max(1, count - 1), done.stderr
        if "build of" in done.stderr:
            assert "failed" in done.stderr
        assert "does not say" not in done.stderr


# --- programs that only pretend to be a daemon


@pytest.fixture
def liar(tmp_path):
    """`liar(answers)`: a socket where each client gets these bytes, and then the end."""
    listening = []

    def start(answers: bytes, *, stalls: bool = False) -> str:
        path = str(tmp_path / f"liar-{len(listening)}")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        listening.append(server)

        def serve() -> None:
            try:
                while True:
                    client, _ = server.accept()
                    client.sendall(answers)
                    if not stalls:
                        client.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        return path

    yield start
    for server in listening:
        server.close()


def number(value: int) -> bytes:
    return value.to_bytes(8, "little")


GREETING = number(0x6478696F) + number(1 << 8 | 34) + number(5) + b"2.8.0\0\0\0" + number(0x616C7473)
# The beginning of a conversation: the greeting, and the answer to the options.
READY = GREETING + number(0x616C7473)


@pytest.mark.parametrize(
    "answers, message",
    [
        (b"", "disconnected unexpectedly"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol mismatch"),
        (number(0x6478696F) + number(2 << 8), "protocol version not supported"),
        (number(0x6478696F) + number(1 << 8 | 31), "too old"),
        (GREETING[:20], "disconnected unexpectedly"),
        (GREETING[:-8] + number(77), "unknown message type 4d"),
        (number(0x6478696F) + number(1 << 8 | 34) + number(1 << 62), "announces a string"),
        (number(0x6478696F) + number(1 << 8 | 34) + number(5) + b"2.8.0abc", "non-zero padding"),
        (READY + number(0x616C7473) + number(1) + number(0) + number(0) + number(1 << 60), "announces 1152921504606846976 items"),
        (READY + number(0x63787470) + number(5) + b"Error\0\0\0" + number(0) * 2 + number(2) + b"no" + bytes(6) + number(0) * 2, "^no$"),
    ],
)
def test_answers_that_lie_are_refused(liar, answers, message):
    with pytest.raises(DaemonError, match=message):
        DaemonStore(liar(answers)).info("/nix/store/00000000000000000000000000000000-x")


def test_a_daemon_that_dies_while_it_is_sent_to_is_an_error(liar):
    store = DaemonStore(liar(READY + number(0) + number(0x616C7473) * 2))
    with pytest.raises(DaemonError):
        store.add_flat("large", bytes(1 << 20))
        store.flush()


def test_a_daemon_may_talk_while_it_is_sent_to():
    """The daemon writes much before it reads, and neither side waits for the other for ever."""
    ours, theirs = socket.socketpair()

    def talk() -> None:
        theirs.sendall((number(0x6F6C6D67) + number(8) + b"sentence") * 100_000 + number(0x616C7473))
        while theirs.recv(1 << 16):
            pass

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    wire = Wire(ours)
    for _ in range(64):
        wire.send_frame(bytes(1 << 16))
    assert wire.number() == 0x6F6C6D67
    ours.close()
    thread.join(20)
    assert not thread.is_alive()


def test_a_descriptor_beyond_the_first_thousand(liar):
    path = liar(READY)
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(open(os.devnull, "rb"))
        assert DaemonStore(path).connection.version == (1, 34)


def test_a_fork_does_not_share_the_connection(liar):
    store = DaemonStore(liar(READY, stalls=True))
    assert store.connection.version == (1, 34)
    child = os.fork()
    if child == 0:
        try:
            store.is_valid("/nix/store/00000000000000000000000000000000-x")
        except DaemonError as error:
            os._exit(0 if "before a fork" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_refusal_keeps_the_connection():
    assert DaemonOperation.IS_VALID_PATH == 1
    with pytest.raises(DaemonError, match="cannot connect to socket at '/nowhere/socket'"):
        DaemonConnection("/nowhere/socket")


CONTENT_ADDRESSED = """
let
  make = name: script: derivation {
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
    outputs = [ "out" "dev" ]; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";
  };
in rec { one = make "one" "echo 1 > $out; echo dev > $dev"; two = make "two" "echo ${one.dev} > $out; echo 2 > $dev"; read = builtins.readFile two; }
"""


def test_outputs_whose_paths_are_known_when_they_are_built(daemon, tmp_path, run_command):
    (tmp_path / "ca.nix").write_text(CONTENT_ADDRESSED)
    daemon = daemon | {"NIX_REMOTE": "daemon"}
    built = run_command("old.build", "ca.nix", "-A", "two", "--no-out-link", **daemon)
    assert built.returncode == 0, built.stderr.decode()
    line = built.stdout.decode().strip()
    done = run_command("nix.main", "build", "--file", "ca.nix", "one^dev", "two^*", "--print-out-paths", "--no-link", **daemon)
    paths = done.stdout.decode().splitlines()
    assert len(paths) == 3 and line in paths and all(map(os.path.exists, paths)), done.stderr
    read = run_command("nix.main", "eval", "--file", "ca.nix", "read", "--raw", **daemon)
    assert read.stdout.decode().endswith("-one-dev\n"), read.stderr
    shown = run_command("nix.main", "realisation", "info", "--file", "ca.nix", "two^out", "--json", **daemon)
    [realisation] = json.loads(shown.stdout)
    assert f"{daemon['NIX_STORE_DIR']}/{realisation['outPath']}" == line
    cache = f"file://{tmp_path}/cache"
    assert run_command("nix.main", "copy", "--to", cache, "--file", "ca.nix", "two^out", **daemon).returncode == 0
    assert os.listdir(tmp_path / "cache/realisations") == [realisation["id"] + ".doi"]
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        found = store.realisation(realisation["id"])
        assert found is not None and found.path == line
        other = replace(found, key="sha256:" + "0" * 64 + "!out", signatures=[])
        assert store.realisation(other.key) is None
        store.register_realisation(other)
        assert store.realisation(other.key).path == line


def test_impure_derivations_are_built_each_time(daemon, tmp_path, run_command):
    """The outputs that the daemon built are printed, although no record of them is kept."""
    (tmp_path / "impure.nix").write_text(
        f"""derivation {{ name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; __impure = true;
            args = [ "-c" "read n < {tmp_path}/counter; n=$((n + 1)); echo $n > {tmp_path}/counter; echo $n > $out" ]; }}"""
    )
    (tmp_path / "counter").write_text("0\n")
    daemon = daemon | {"NIX_REMOTE": "daemon"}
    for number in ("1", "2"):
        built = run_command("nix.main", "build", "--file", "impure.nix", "--print-out-paths", "--no-link", **daemon)
        assert Path(built.stdout.decode().strip()).read_text() == f"{number}\n", built.stderr.decode()
    built = run_command("old.build", "impure.nix", "--no-out-link", **daemon)
    assert Path(built.stdout.decode().strip()).read_text() == "3\n", built.stderr.decode()


def test_objects_without_a_signature_are_not_copied_to_a_daemon(daemon, tmp_path, run_command):
    """The daemon would accept them from its own user, who is trusted; our client still refuses."""
    with LocalStore(tmp_path / "other", daemon["NIX_STORE_DIR"]) as other:
        archive = nar.pack_contents(b"unsigned")
        info = PathInfo(f"{daemon['NIX_STORE_DIR']}/{'1' * 32}-x", "sha256:" + Hash.of_bytes(archive).base16, len(archive))
        other.import_object(info, io.BytesIO(archive))
    daemon = daemon | {"NIX_REMOTE": "daemon"}
    words = ("nix.main", "copy", "--from", f"{tmp_path}/other", info.path)
    refused = run_command(*words, **daemon)
    assert refused.returncode == 1 and b"because it lacks a " in refused.stderr
    assert run_command(*words, "--no-check-sigs", **daemon).returncode == 0
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        assert store.is_valid(info.path)


def test_what_a_daemons_substituters_have(daemon, tmp_path):
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        assert store.substitutable([f"{daemon['NIX_STORE_DIR']}/{'1' * 32}-x"]) == set()


def test_a_realisation_about_something_else_is_refused(liar):
    key, text = "sha256:" + "0" * 64 + "!out", json.dumps({"id": "sha256:" + "1" * 64 + "!out", "outPath": "1" * 32 + "-x", "signatures": []})
    for answer in (text, "{", "[]", "{}"):
        message = Message()
        message.add_texts([answer])
        with DaemonStore(liar(READY + number(0x616C7473) + bytes(message.data))) as store, pytest.raises(DaemonError, match="realisation|instead of"):
            store.realisation(key)


# --- other requests to a daemon


class _OnlyRead:
    """A stream that can be read once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(size)


def test_an_archive_that_can_be_read_once(daemon):
    archive = nar.pack_contents(b"packed" * 100_000)
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        paths = {store.add_archive("packed", stream) for stream in (_OnlyRead(archive), archive, io.BytesIO(archive))}
        assert len(paths) == 1 and Path(paths.pop()).read_bytes() == b"packed" * 100_000


def test_a_flake_is_copied_to_a_daemon(daemon, tmp_path, run_command):
    flake = tmp_path / "flake"
    flake.mkdir()
    (flake / "flake.nix").write_text("{ outputs = { self }: { x = builtins.readFile ./file; path = ./file; }; }")
    (flake / "file").write_text("contents")
    daemon = daemon | {"NIX_REMOTE": "daemon", "NIX_CONFIG": daemon["NIX_CONFIG"] + "extra-experimental-features = flakes\n"}
    done = run_command("nix.main", "eval", "--raw", f"path:{flake}#path", **daemon)
    assert done.returncode == 0 and Path(done.stdout.decode()).read_text() == "contents", done.stderr


def test_garbage_is_collected_by_the_daemon(daemon, tmp_path, run_command):
    daemon = daemon | {"NIX_REMOTE": "daemon"}

    def run(*words: str) -> str:
        done = run_command(*words, **daemon)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        kept, user, free, other = (store.add_text(name, name.encode() * 10) for name in ("kept", "user", "free", "other"))
        store.add_root(str(tmp_path / "root"), kept)
        store.flush()
        path = store.add_text("uses", user.encode(), [user])
    assert kept in run("old.store", "--query", "--roots", kept) + run("old.store", "--gc", "--print-roots")
    assert kept in run("old.store", "--gc", "--print-live").splitlines()
    assert {user, free, other, path} <= set(run("old.store", "--gc", "--print-dead").splitlines())
    refused = run_command("old.store", "--delete", user, **daemon)
    assert refused.returncode == 1 and b"annot delete path" in refused.stderr and b"\x1b" not in refused.stderr and os.path.exists(user)
    assert run("old.store", "--delete", free).startswith("1 store paths deleted, ") and not os.path.exists(free)
    assert run("nix.main", "store", "delete", other).startswith("1 store paths deleted, ")
    assert "2 store paths deleted" in run("nix.main", "store", "gc")
    assert os.path.exists(kept) and not os.path.exists(user)
    assert run("old.collect_garbage").startswith("0 store paths deleted")
    assert "root -> " in run("old.store", "--query", "--roots", kept)


def test_what_we_rely_on_is_not_collected(daemon):
    def open_store() -> DaemonStore:
        return DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"])

    with open_store() as first:
        path, other = first.add_text("kept", b"kept"), first.add_text("other", b"other")
    with open_store() as user, open_store() as collector:
        assert user.claim(path) and user.is_valid(other)
        removed, _ = collector.collect_garbage(Garbage.REMOVE_DEAD)
        assert removed == [other] and os.path.exists(path)
        user.close()
        # The daemon's process for that connection ends a moment later.
        deadline = time.monotonic() + 10
        while os.path.exists(path) and time.monotonic() < deadline:
            removed, _ = collector.collect_garbage(Garbage.REMOVE_DEAD)
            time.sleep(0.05)
        assert removed == [path]


FAILING = """
let make = name: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "printf '\\\\033[31mred\\\\033[0m\\\\n' >&2; exit 3" ]; };
in { one = make "one"; two = make "two"; }
"""


def test_events_of_the_daemon_are_handed_on(daemon, tmp_path, run_command):
    (tmp_path / "x.nix").write_text(
        'derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo a line; echo > $out" ]; }'
    )
    daemon = daemon | {"NIX_REMOTE": "daemon"}
    done = run_command("nix.main", "build", "--file", "x.nix", "--no-link", "--log-format", "internal-json", **daemon)
    events = [json.loads(line.removeprefix("@nix ")) for line in done.stderr.decode().splitlines() if line.startswith("@nix ")]
    started = {event["type"]: event for event in events if event["action"] == "start"}
    assert {102, 103, 104, 105} <= started.keys()
    results = [event for event in events if event["action"] == "result"]
    assert [event["fields"] for event in results if event["type"] == 101] == [["a line"]]
    assert [event["fields"] for event in results if event["id"] == started[104]["id"]][-1][0] == 1
    shown = run_command("nix.main", "build", "--file", "x.nix", "--no-link", "--rebuild", "-L", **daemon)
    assert b"a line\n" in shown.stderr and b"@nix" not in shown.stderr


def test_each_of_several_failures_is_told(daemon, tmp_path, run_command):
    (tmp_path / "failing.nix").write_text(FAILING)
    daemon = daemon | {"NIX_REMOTE": "daemon"}
    words = ("nix.main", "build", "--file", "failing.nix", "--no-link", "--print-build-logs", "--keep-going")
    done = run_command(*words, "one", "two", **daemon)
    said = done.stderr.decode()
    assert done.returncode == 1 and "\x1b" not in said and "red\n" in said
    assert said.count("failed with exit code 3") >= 2 and "-one.drv" in said
    assert said.splitlines()[-1].startswith("error: build of '") and said.count(".drv^out'") == 2
    one = run_command(*words, "one", **daemon).stderr.decode()
    assert "failed with exit code 3" in one and "error: build of" not in one


def test_several_threads_get_their_own_answers(daemon):
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        paths = [store.add_text(f"text-{number}", f"{number}".encode() * number) for number in range(1, 60)]
        store.flush()
        facts = {path: store.info(path) for path in paths}
        with ThreadPoolExecutor(8) as threads:
            for _ in range(5):
                assert dict(zip(paths, threads.map(store._info, paths), strict=True)) == facts


def test_the_version_and_trust_of_the_daemon_are_shown(daemon, run_command):
    done = run_command("nix.main", "store", "info", "--json", **daemon, NIX_REMOTE="daemon")
    shown = json.loads(done.stdout)
    assert shown["url"] == "daemon" and shown["version"].startswith("2.")
    with DaemonStore(daemon["NIX_DAEMON_SOCKET_PATH"], daemon["NIX_STORE_DIR"]) as store:
        assert store.facts() == {key: shown[key] if key == "version" else bool(shown[key]) for key in shown if key != "url"}
    assert run_command("nix.main", "store", "info", **daemon, NIX_REMOTE="unix:///nowhere").returncode == 1


@pytest.mark.parametrize("words", [
    "eval .#x", "eval --expr 'builtins.fetchTree { type = \"path\"; path = ./.; }' --impure", "eval --impure --expr 'builtins.getFlake (toString ./.)'",
    "eval --impure --expr 'import (derivation { name = \"x\"; builder = \"/bin/sh\"; system = \"x86_64-linux\"; })'",
    "build .#x", "flake metadata", "flake show", "flake check", "flake lock", "path-info --all", "store gc", "copy --all --to file:///nowhere", "develop",
])  # fmt: skip
def test_a_daemon_that_is_not_there_is_a_clear_error(words, run_command, tmp_path):
    (tmp_path / "flake.nix").write_text('{ outputs = _: { x = builtins.toFile "a" "b"; }; }')
    done = run_command("nix.main", *shlex.split(words), NIX_REMOTE="unix:///nowhere/socket", NIX_CONFIG="experimental-features = nix-command flakes", HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.decode().rstrip().split("\n")[-1].strip() == "error: cannot connect to socket at '/nowhere/socket': No such file or directory"
