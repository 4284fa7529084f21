"""Our own daemon: clients of C++ Nix and ours talk to it as to 2.34.8's; a client that lies, stalls or has no right is refused, and leaves nothing."""

import io
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixed_folder import fixed_folder
from processes import command_lines

from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store import nar
from snowsnake.store.daemon.connection import DaemonOperation
from snowsnake.store.daemon.server import DaemonServer
from snowsnake.store.daemon.store import DaemonStore
from snowsnake.store.daemon.wire import DaemonError, Message
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation
from snowsnake.store.signing import SecretKey, sign

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fuzz"))
from conversation import FOLDER, PLACE, STORE_DIR, answering, meet, talk, write_derivations  # noqa: E402
from server_duties import FakeDuties  # noqa: E402

SOURCE = str(Path(__file__).resolve().parent.parent.parent / "src")
PACKAGES = """
let make = name: script: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ]; };
in rec {
  dep = make "dep" "echo 42 > $out";
  x = make "x" "echo built there; echo ${dep} > $out";
  bad = make "bad" "echo it went wrong; exit 3";
  fixed = derivation { name = "f"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ]; outputHashMode = "flat";
    outputHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; };
  imported = import dep;
}
"""
needs_namespaces = pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")


KEY = SecretKey.new("served-1")


@contextmanager
def served(folder: Path, *, is_trusted: bool = True):
    """(our client's store, the store that is served)."""
    ours, theirs = socket.socketpair()
    from snowsnake.store.daemon.channel import SocketChannel

    store = LocalStore(folder / "store", durable=False)
    server = DaemonServer(store, SocketChannel(theirs), FakeDuties(store, KEY.public), is_trusted=is_trusted)

    def run() -> None:
        try:
            server.run()
        except (ValueError, OSError):
            pass
        theirs.close()

    thread = threading.Thread(target=run)
    thread.start()
    client = DaemonStore(lambda: SocketChannel(ours), real=f"{folder}/store/nix/store")
    try:
        yield client, store
    finally:
        client.close()
        ours.close()
        thread.join(10)
        assert not thread.is_alive()
        store.close()


def test_every_request_finds_what_the_store_has(tmp_path) -> None:
    """Our client finds what the store has, and the store has what the client adds."""
    with served(tmp_path) as (client, store):
        text = client.add_text("text", b"contents")
        user = client.add_text("user", f"uses {text}".encode(), [text])
        client.flush()
        assert store.read(text) == b"contents" and store.known(user).references == [text]
        assert client.paths() == sorted([text, user]) and client.referrers(text) == [user]
        assert client.known(text).nar_hash == store.known(text).nar_hash
        assert client.info(f"/nix/store/{'0' * 32}-none") is None and not client._has(f"/nix/store/{'0' * 32}-none")
        assert client.path_with_hash(text[11:43]) == text and client.path_with_hash("0" * 32) is None
        packed = nar.pack_contents(b"packed" * 100_000)
        archive = client.add_archive("archive", packed)
        assert store.read(archive) == b"packed" * 100_000
        (tmp_path / "large").write_bytes(b"x" * (2 << 20))
        assert store.read(client.add_source("large", tmp_path / "large", "flat")) == b"x" * (2 << 20)
        assert client.valid_among([text, archive, f"/nix/store/{'0' * 32}-none"]) == {text, archive}
        assert client.facts() == {"version": "2.34.8", "trusted": True}
        client.add_signatures(text, [sign(KEY, client.known(text))])
        assert len(client.known(text).signatures) == 1
        client.register_realisation(Realisation(f"sha256:{'1' * 64}!out", text))
        assert client.realisation(f"sha256:{'1' * 64}!out").path == text and client.realisation(f"sha256:{'2' * 64}!out") is None
        link = tmp_path / "root"
        assert client.add_root(str(link), archive) == str(link)
        assert str(link) in next(links for path, links in client.find_roots().items() if path == archive)
        absent = client.missing([f"/nix/store/{'1' * 32}-unknown"])
        assert absent.unknown == [f"/nix/store/{'1' * 32}-unknown"] and not absent.builds
        client.keep(user)
        assert client.claim(user)
        with pytest.raises(DaemonError, match="Cannot delete path"):
            client.collect_garbage(3, [text])
        # The connection goes on.
        assert client.connection.daemon_version == "2.34.8"
        assert store.verify() == []


def test_a_client_that_is_not_trusted_cannot_vouch_for_objects(tmp_path) -> None:
    info = _imported("a" * 32)
    with served(tmp_path, is_trusted=False) as (client, store):
        assert client.facts()["trusted"] is False
        with pytest.raises(DaemonError, match="lacks a signature by a trusted key"):
            client.import_object(info, io.BytesIO(ARCHIVE))
        info.signatures = [sign(KEY, info)]
        info.is_ultimate = True
        client.import_object(info, io.BytesIO(ARCHIVE))
        # The daemon did not build the object, so it is not ultimate, whatever the client says.
        assert not store.known(info.path).is_ultimate
        wrong = _imported("b" * 32)
        wrong.signatures = [sign(KEY, wrong)]
        with pytest.raises(DaemonError, match="hash mismatch importing path"):
            client.import_object(wrong, io.BytesIO(nar.pack_contents(b"other contents!!")))
        named = PathInfo(wrong.path, wrong.nar_hash, wrong.nar_size, [], "fixed:r:sha256:" + "0" * 52)
        # The name of the object does not follow from that content address.
        with pytest.raises(DaemonError, match="lacks a signature"):
            client.import_object(named, io.BytesIO(ARCHIVE))
        address = Hash.parse(wrong.nar_hash)
        from snowsnake.store import store_path

        path = store_path.fixed_path("x", "nar", "sha256", b"\1" * 32, (), False, "/nix/store")
        lying = PathInfo(str(path), wrong.nar_hash, wrong.nar_size, [], "fixed:r:" + Hash("sha256", b"\1" * 32).format("nix32", with_algorithm=True))
        assert address.digest != b"\1" * 32
        with pytest.raises(DaemonError, match="ca hash mismatch"):
            client.import_object(lying, io.BytesIO(ARCHIVE))
        for call, message in [
            (lambda: client.register_realisation(Realisation(f"sha256:{'1' * 64}!out", info.path)), "not privileged to register"),
            (lambda: client.repair([info.path]), "repairing is not allowed"),
        ]:
            with pytest.raises(DaemonError, match=message):
                call()
        assert store.paths() == [info.path] and store.verify() == []


ARCHIVE = nar.pack_contents(b"some contents...")


def _imported(part: str) -> PathInfo:
    return PathInfo(f"/nix/store/{part}-x", "sha256:" + Hash.of_bytes(ARCHIVE).base16, len(ARCHIVE), [])


@pytest.mark.parametrize(
    "request_, message",
    [
        ([77], "invalid operation 77"),
        ([DaemonOperation.IS_VALID_PATH, "/etc/passwd"], "is not in the Nix store"),
        ([DaemonOperation.QUERY_VALID_PATHS, 1 << 60], "announces 1152921504606846976 items"),
        ([DaemonOperation.QUERY_PATH_INFO, 1 << 60], "announces a string of"),
        ([DaemonOperation.NAR_FROM_PATH, f"/nix/store/{'a' * 32}-x"], "is not valid"),
        ([DaemonOperation.BUILD_PATHS, 1, f"/nix/store/{'a' * 32}-x", 3], "Invalid build mode"),
        ([DaemonOperation.COLLECT_GARBAGE, 0, 0, 1, 0, 0, 0, 0], "not allowed to ignore liveness"),
        ([DaemonOperation.COLLECT_GARBAGE, 9, 0, 0, 0, 0, 0, 0], "unknown action 9"),
        ([DaemonOperation.ADD_TO_STORE, "../x", "fixed:sha256", 0, 0, 0], "name"),
        ([DaemonOperation.ADD_TO_STORE, "x", "nonsense:sha256", 0, 0, 0], "unknown content address method"),
        ([DaemonOperation.ADD_TO_STORE, "x", "fixed:r:sha256", 0, 0, 0], "bad archive|input doesn't look like|unexpected end"),
        ([DaemonOperation.ADD_TO_STORE, "x", "fixed:sha256", 0, 0, 1 << 62], "unexpected end-of-file"),
        ([DaemonOperation.ADD_MULTIPLE_TO_STORE, 0, 0, 8, 1 << 60, 0], "announces"),
        ([DaemonOperation.REGISTER_DRV_OUTPUT, "[" * 100_000], "recursion|not|invalid|realisation"),
        ([DaemonOperation.BUILD_DERIVATION, f"/nix/store/{'a' * 32}-x.drv", 1, "out", "/etc/passwd", "", "", 0, "s", "b", 0, 0, 0], ""),
        ([DaemonOperation.QUERY_DERIVATION_OUTPUT_MAP, f"/nix/store/{'a' * 32}-x.drv"], "is not valid"),
        ([DaemonOperation.QUERY_PATH_FROM_HASH_PART, "%"], ""),
    ],
    ids=str,
)
def test_bad_requests_get_an_answer_and_leave_nothing(request_, message, tmp_path) -> None:
    """Each request gets an answer; nothing is left in the store, and nothing hangs."""
    answer = _raw(tmp_path, request_)
    assert not message or any(word.encode() in answer for word in message.split("|")), answer
    with LocalStore(tmp_path / "store", durable=False) as store:
        assert store.verify() == [] and store.paths() == []
        assert [path for path in Path(store.root, "nix/store").iterdir() if path.name != ".links"] == []


def _raw(folder: Path, request_: list) -> bytes:
    from snowsnake.store.daemon.channel import SocketChannel

    message = Message()
    for value in [0x6E697863, 1 << 8 | 38, 0, 0, 0, *request_]:
        if isinstance(value, str):
            message.add_text(value)
        else:
            message.add_number(value)
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with LocalStore(folder / "store", durable=False) as store, ours:
        def run() -> None:
            try:
                DaemonServer(store, SocketChannel(theirs), FakeDuties(store, KEY.public), is_trusted=True).run()
            except (ValueError, OSError):
                pass
            theirs.close()

        thread = threading.Thread(target=run)
        thread.start()
        ours.sendall(bytes(message.data))
        ours.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := ours.recv(1 << 16):
            answer += piece
        thread.join(10)
        assert not thread.is_alive()
    return answer


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n\r\n", (0x6E697863).to_bytes(8, "little"), (0x6E697863).to_bytes(8, "little") + (1 << 8 | 20).to_bytes(8, "little")])
def test_a_program_that_is_not_a_client_is_disconnected(start, tmp_path) -> None:
    done = subprocess.run(_program("--store", f"{tmp_path}/root", "--stdio"), input=start, capture_output=True, timeout=60, env=os.environ | {"PYTHONPATH": SOURCE})
    assert done.returncode == 1 and done.stderr.startswith(b"error: "), done.stderr
    assert b"Traceback" not in done.stderr


def _program(*words: str) -> list[str]:
    return [sys.executable, "-m", "snowsnake.cli.daemon", *words]


def _clients() -> list:
    theirs = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
    return ["ours", pytest.param("theirs", marks=pytest.mark.skipif(not os.access(f"{theirs}/nix", os.X_OK), reason="no reference"))]


class World:
    """A client's commands on one side, our daemon on the other: behind a pipe or a socket."""

    def __init__(self, folder: Path, client: str, commands: str) -> None:
        self.folder = folder
        self.tools = commands if client == "ours" else os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "NIX_STORE_DIR": f"{folder}/store", "NIX_CONF_DIR": f"{folder}/conf",
            "NIX_STATE_DIR": f"{folder}/here/state", "NIX_LOG_DIR": f"{folder}/here/log", "NIX_DAEMON_SOCKET_PATH": f"{folder}/socket",
            "NIX_CONFIG": "experimental-features = nix-command flakes ca-derivations\nsandbox = false\nbuild-users-group =\nsubstituters =\nbuild-hook =\n",
        }  # fmt: skip
        self.there = self.environment | {"NIX_STATE_DIR": f"{folder}/there/state", "NIX_LOG_DIR": f"{folder}/there/log", "NIX_REMOTE": "local", "PYTHONPATH": SOURCE}
        (folder / "packages.nix").write_text(PACKAGES)
        program = folder / "nix-daemon"
        settings = " ".join(f"{name}='{text}'" for name, text in self.there.items() if name != "PATH")
        program.write_text(f"#!/bin/sh\nexec env -i PATH='{os.environ['PATH']}' {settings} {sys.executable} -m snowsnake.cli.daemon \"$@\"\n")
        program.chmod(0o755)

    def run(self, *words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess:
        done = subprocess.run([f"{self.tools}/{words[0]}", *words[1:]], env=self.environment | variables, capture_output=True, text=True, timeout=120, cwd=self.folder)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done


def _await(path: str) -> None:
    for _ in range(400):
        if os.path.exists(path):
            return
        time.sleep(0.05)
    pytest.fail(f"{path} does not appear")


@contextmanager
def listening(world: World):
    daemon = subprocess.Popen([f"{world.folder}/nix-daemon"], stderr=subprocess.PIPE)
    try:
        _await(f"{world.folder}/socket")
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait()


@pytest.mark.parametrize("way", ["ssh-ng", "socket"])
@pytest.mark.parametrize("client", _clients())
def test_commands_build_copy_and_collect_through_our_daemon(client, way, tmp_path, commands) -> None:
    """Builds, imports, failures, copies, garbage: `ssh-ng://localhost` runs a program without ssh, as C++ Nix does."""
    world = World(tmp_path, client, commands)
    if way == "socket":
        url = f"unix://{tmp_path}/socket"
        with listening(world):
            _use(world, url)
    else:
        _use(world, f"ssh-ng://localhost?remote-program={tmp_path}/nix-daemon")
    verified = subprocess.run(
        [os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools/nix-store"), "--verify", "--check-contents"], env=world.there, capture_output=True, text=True
    )
    assert verified.returncode == 0 and "modified" not in verified.stderr


def _use(world: World, url: str) -> None:
    told = world.run("nix", "store", "info", "--store", url)
    assert "Version: 2.34.8" in told.stderr + told.stdout and "Trusted: 1" in told.stderr + told.stdout
    built = world.run("nix", "build", "--store", url, "-f", "packages.nix", "x", "--print-out-paths", "--no-link", "-L")
    assert "built there" in built.stderr
    out = built.stdout.strip()
    assert Path(out).read_text().endswith("-dep\n")
    assert world.run("nix", "path-info", "--store", url, out).stdout.strip() == out
    assert world.run("nix", "eval", "--store", url, "--impure", "-f", "packages.nix", "imported").stdout == "42\n"
    bad = world.run("nix", "build", "--store", url, "-f", "packages.nix", "bad", "--no-link", code=1)
    assert "builder failed with exit code 3" in bad.stderr and "it went wrong" in bad.stderr
    two = world.run("nix", "build", "--store", url, "-f", "packages.nix", "bad", "x", "--no-link", "--keep-going", code=1)
    assert "builder failed with exit code 3" in two.stderr
    wrong = world.run("nix-build", "--store", url, "packages.nix", "-A", "fixed", "--no-out-link", code=1)
    assert "specified: sha256-AAAAAAAA" in wrong.stderr and "got:    sha256-" in wrong.stderr
    (world.folder / "tree").mkdir()
    (world.folder / "tree/file").write_bytes(os.urandom(300_000))
    added = world.run("nix", "store", "add", "tree", "--store", url).stdout.strip()
    assert Path(added, "file").read_bytes() == (world.folder / "tree/file").read_bytes()
    cache = f"file://{world.folder}/cache"
    world.run("nix", "copy", "--from", url, "--to", cache, out, added)
    world.run("nix", "store", "delete", "--store", url, added)
    assert not os.path.exists(added)
    world.run("nix", "copy", "--to", url, "--from", cache, "--no-check-sigs", added)
    assert Path(added, "file").read_bytes() == (world.folder / "tree/file").read_bytes()
    assert world.run("nix-store", "--store", url, "-q", "--references", out).stdout.split() == [path for path in [Path(out).read_text().strip()]]
    world.run("nix-store", "--store", url, "--gc")
    assert not os.path.exists(out)


def test_a_daemon_without_descriptors_stays(tmp_path, commands) -> None:
    """A client that cannot be accepted at the moment is accepted later."""
    world = World(tmp_path, "ours", commands)
    with listening(world) as daemon:
        used = max(map(int, os.listdir(f"/proc/{daemon.pid}/fd"))) + 1
        before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used, before[1]))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(f"{tmp_path}/socket")
            time.sleep(0.5)
            assert daemon.poll() is None
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        assert "Trusted: 1" in world.run("nix", "store", "info", "--store", f"unix://{tmp_path}/socket").stderr
    assert b"accepting a connection: Too many open files" in daemon.stderr.read()


def test_a_build_ends_when_its_client_goes(tmp_path) -> None:
    """A build ends when its client closes the connection."""
    world = World(tmp_path, "ours", "")
    mark = tmp_path / "mark"
    (tmp_path / "slow.nix").write_text(
        f"""derivation {{ name = "slow"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo > {mark}; while :; do read x < /dev/zero; done" ]; }}"""
    )
    client = subprocess.Popen(
        [sys.executable, "-c", "import sys; from snowsnake.cli.old.build import main; sys.exit(main())", "slow.nix", "--no-out-link", "--store",
         f"ssh-ng://localhost?remote-program={tmp_path}/nix-daemon"], env=world.environment | {"PYTHONPATH": SOURCE}, cwd=tmp_path, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(400):
        if mark.exists():
            break
        time.sleep(0.05)
    assert mark.exists()
    client.kill()
    client.wait()
    for _ in range(400):
        left = [line for line in command_lines().values() if str(tmp_path).encode() in line]
        if not left:
            break
        time.sleep(0.05)
    assert left == []


@needs_namespaces
def test_a_derivation_that_a_client_sends_is_built(tmp_path) -> None:
    """A derivation as remote builders get it is built, although the store does not have it."""
    path, out = f"/nix/store/{'a' * 32}-x.drv", f"/nix/store/{'b' * 32}-x"
    message = Message()
    for value in [0x6E697863, 1 << 8 | 38, 0, 0, 0, DaemonOperation.BUILD_DERIVATION, path, 1, "out", out, "", "", 0, "x86_64-linux", "/bin/sh", 2, "-c",
                  'echo "a b" > $out', 2, "out", out, "x", "quoted \" \\ \n\t", 0]:  # fmt: skip
        if isinstance(value, str):
            message.add_text(value)
        else:
            message.add_number(value)
    # 77 is not the number of a request, so the server ends.
    message.add_number(77)
    environment = os.environ | {"PYTHONPATH": SOURCE, "NIX_CONFIG": "substituters =\nsystem = x86_64-linux"}
    server = subprocess.Popen(_program("--store", f"{tmp_path}/root", "--stdio"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(bytes(message.data))
    server.stdin.flush()
    answer = server.stdout.read()
    server.stdin.close()
    server.wait()
    assert b"invalid operation 77" in answer
    with LocalStore(tmp_path / "root", durable=False) as store:
        assert store.read(out) == b"a b\n" and store.verify() == []
        assert not store.is_valid(path)


def test_the_conversation_with_the_real_daemon(tmp_path) -> None:
    """Our client gets the same results from our daemon as from 2.34.8's."""
    with fixed_folder(PLACE):
        environment = {
            "NIX_STORE_DIR": STORE_DIR, "NIX_STATE_DIR": f"{PLACE}/state", "NIX_LOG_DIR": f"{PLACE}/log", "NIX_CONF_DIR": PLACE, "HOME": PLACE,
            "NIX_DAEMON_SOCKET_PATH": f"{PLACE}/daemon", "PATH": os.environ["PATH"], "NIX_REMOTE": "local", "PYTHONPATH": SOURCE,
            "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nsubstitute = false\nexperimental-features = ca-derivations\n",
        }  # fmt: skip
        daemon = subprocess.Popen(_program(), env=environment, stderr=subprocess.DEVNULL)
        try:
            _await(f"{PLACE}/daemon")
            ours = talk(meet(f"{PLACE}/daemon"))
        finally:
            daemon.terminate()
            daemon.wait()
    with answering((FOLDER / "answered").read_bytes(), ends=False) as (path, _):
        write_derivations(str(tmp_path))
        theirs = talk(meet(path, str(tmp_path)))
    # Ours protects everything that was built until the client ends; 2.34.8 does not protect content-addressed outputs.
    assert [text for text in ours if not text.startswith("dead")] == [text for text in theirs if not text.startswith("dead")]


def test_settings_of_an_untrusted_client_are_harmless_ones(tmp_path) -> None:
    """A client that is not trusted changes only harmless settings."""
    from snowsnake.cli.daemon import Served
    from snowsnake.cli.output import Reporter
    from snowsnake.settings import Settings

    warnings: list[str] = []
    reporter = Reporter()
    reporter.warning = warnings.append     # type: ignore[method-assign]
    settings = Settings(environment={})
    settings.set("trusted-substituters", "https://trusted.example.org")
    settings.set("substituters", "https://cache.example.org")
    duties = Served(None, settings, reporter)          # type: ignore[arg-type]
    for name, text in [("timeout", "7"), ("sandbox", "false"), ("substituters", "https://trusted.example.org https://evil.example.org"), ("experimental-features", "flakes")]:
        duties.set_option(name, text, is_trusted=False)
    assert (settings["timeout"], settings["sandbox"], list(settings["experimental-features"])) == (7, "true", [])
    assert [text.rstrip("/") for text in settings["substituters"]] == ["https://trusted.example.org"]
    assert len(warnings) == 2 and "'sandbox'" in warnings[0] and "evil" in warnings[1]
    duties.set_option("sandbox", "false", is_trusted=True)
    assert settings["sandbox"] == "false"
