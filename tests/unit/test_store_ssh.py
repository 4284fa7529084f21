"""Stores behind ssh: a real sshd on this machine, with C++ Nix behind it, and programs that lie, stall and die in its place."""

import base64
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store.daemon.wire import DaemonError
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.ssh.authority import SshAuthority
from snowsnake.store.ssh.place import ServePlace, SshPlace
from snowsnake.store.ssh.program import SshOptions, SshProgram

SYSTEM = f"{os.uname().machine}-linux"
SOURCE = str(Path(__file__).resolve().parent.parent.parent / "src")
SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
needs_sshd = pytest.mark.skipif(
    not os.environ.get("SNOWSNAKE_ALL_TESTS") and (SSHD is None or shutil.which("ssh") is None), reason="not installed: openssh-server"
)
PACKAGES = """
let make = name: script: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ]; };
in rec {
  dep = make "dep" "echo 42 > $out";
  x = make "x" "echo built there; echo ${dep} > $out";
  bad = make "bad" "echo it went wrong; exit 3";
  imported = import dep;
}
"""


def programs() -> list[str]:
    """Folders with a nix-daemon and a nix-store: Debian's, and those of the reference evaluator."""
    beside = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
    return [folder for folder in ("/usr/bin", beside) if os.access(f"{folder}/nix-daemon", os.X_OK)]


class Machine:
    """Another machine, as ssh sees it: its store is in `folder`."""

    def __init__(self, folder: Path, nix: str, run_command) -> None:
        self.folder = folder
        self.nix = nix
        self._run = run_command
        self.store_dir = f"{folder}/store"
        self.environment = {
            "NIX_STORE_DIR": self.store_dir, "NIX_STATE_DIR": f"{folder}/there/state", "NIX_LOG_DIR": f"{folder}/there/log",
            "NIX_CONF_DIR": f"{folder}/there/conf", "NIX_REMOTE": "local",
        }  # fmt: skip
        (folder / "there/conf").mkdir(parents=True)
        (folder / "there/conf/nix.conf").write_text(
            "sandbox = false\nbuild-users-group =\nsubstitute = false\nbuilders =\nrequire-sigs = false\nexperimental-features = nix-command flakes\n"
            + ("" if "/usr" in nix else "build-hook =\n")
        )
        for name in ("host", "user", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        self.host_key = (folder / "host.pub").read_text()
        (folder / "authorized").write_text((folder / "user.pub").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.write_client_options("user", f"[127.0.0.1]:{self.port} {self.host_key}")
        (folder / "sshd.conf").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile none\nStrictModes no\n"
            "UsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "SetEnv " + " ".join(f"{name}={text}" for name, text in self.environment.items()) + "\n"
        )
        if os.getuid() == 0:
            # sshd wants this folder there.
            os.makedirs("/run/sshd", 0o755, exist_ok=True)
        with open(folder / "sshd.log", "wb") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd.conf"], stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail((folder / "sshd.log").read_text())

    def write_client_options(self, key: str, known: str) -> None:
        (self.folder / "known").write_text(known)
        (self.folder / "ssh.conf").write_text(
            f"IdentityFile {self.folder}/{key}\nIdentitiesOnly yes\nUserKnownHostsFile {self.folder}/known\nGlobalKnownHostsFile none\n"
            "StrictHostKeyChecking yes\nBatchMode yes\nLogLevel ERROR\n"
        )

    def url(self, scheme: str, **parameters: str) -> str:
        program = "nix-store" if scheme == "ssh" else "nix-daemon"
        given = {"remote-program": f"{self.nix}/{program}"} | parameters
        return f"{scheme}://{getpass.getuser()}@127.0.0.1:{self.port}?" + "&".join(f"{name.replace('_', '-')}={text}" for name, text in given.items())

    def shown(self, scheme: str) -> str:
        return self.url(scheme).partition("?")[0]

    def run(self, module: str, *words: str, code: int = 0, settings: str = "", **given: str) -> subprocess.CompletedProcess:
        """One of our commands, on this machine."""
        environment = {
            "NIX_STORE_DIR": self.store_dir, "NIX_STATE_DIR": f"{self.folder}/here/state", "NIX_LOG_DIR": f"{self.folder}/here/log",
            "HOME": str(self.folder), "NIX_SSHOPTS": f"-F {self.folder}/ssh.conf", "TMPDIR": str(self.folder),
            "NIX_CONFIG": f"experimental-features = nix-command flakes\nsandbox = false\nbuild-users-group =\nsubstituters =\n{settings}",
        }  # fmt: skip
        done = self._run(module, *words, **environment | given)
        assert done.returncode == code, done.stderr.decode()
        assert self.left_behind() == []
        return done

    def left_behind(self) -> list[str]:
        """Processes of a connection that still run after the time that the other side needs to notice its end, and our temporary files."""
        for _ in range(100):
            found = [line for line in processes() if str(self.folder) in line and "sshd" not in line and "pytest" not in line]
            if not found:
                break
            time.sleep(0.05)
        return found + [str(path) for path in self.folder.glob("snowsnake-*")]

    def there(self, program: str, *words: str) -> subprocess.CompletedProcess:
        """One of C++ Nix's commands, on the other machine."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment}
        return subprocess.run([f"{self.nix}/{program}", *words], env=environment, capture_output=True, text=True, check=True)


def processes() -> list[str]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.fixture(params=programs() or [pytest.param("", marks=pytest.mark.skip(reason="no nix-daemon"))])
def machine(request, tmp_path, run_command):
    found = Machine(tmp_path, request.param, run_command)
    (tmp_path / "packages.nix").write_text(PACKAGES)
    try:
        yield found
    finally:
        found.process.terminate()
        found.process.wait()


def other_folder(machine: Machine) -> dict[str, str]:
    """The variables for a store of this machine that is another one than that of the other machine, although their paths are the same."""
    return {"store": f"local?store={machine.store_dir}&real={machine.folder}/here/store&state={machine.folder}/here/state&log={machine.folder}/here/log"}


@needs_sshd
@pytest.mark.parametrize("scheme", ["ssh", "ssh-ng"])
def test_objects_are_copied_there_and_back(machine, tmp_path, scheme):
    """Objects come back as they went, and C++ Nix finds no fault in those that it got."""
    source = tmp_path / "tree"
    (source / "folder").mkdir(parents=True)
    (source / "folder/program").write_bytes(os.urandom(3_000_000))
    (source / "folder/program").chmod(0o755)
    (source / "link").symlink_to("folder/program")
    here = other_folder(machine)["store"]
    path = machine.run("nix.main", "store", "add", str(source), "--name", "tree", "--store", here).stdout.decode().strip()
    drv = machine.run("instantiate", "-A", "x", f"{tmp_path}/packages.nix", "--store", here).stdout.decode().strip()
    done = machine.run("nix.main", "copy", "--no-check-sigs", "--from", here, "--to", machine.url(scheme), path, drv)
    assert f"copying path '{path}'" in done.stderr.decode() and machine.shown(scheme) in done.stderr.decode()
    machine.there("nix-store", "--verify", "--check-contents")
    assert machine.there("nix-store", "-q", "--hash", path).stdout == machine.run("old.store", "-q", "--hash", path, "--store", here).stdout.decode()
    again = machine.run("nix.main", "copy", "--no-check-sigs", "--from", here, "--to", machine.url(scheme), path, drv)
    assert "copying path" not in again.stderr.decode()
    third = f"local?store={machine.store_dir}&real={tmp_path}/third/store&state={tmp_path}/third/state"
    machine.run("nix.main", "copy", "--no-check-sigs", "--from", machine.url(scheme, compress="true", max_connections="3"), "--to", third, path, drv)
    assert machine.run("nix.main", "path-info", "-r", "--store", third, path, drv).stdout == machine.run("nix.main", "path-info", "-r", "--store", here, path, drv).stdout
    with LocalStore(tmp_path / "third", machine.store_dir, real=f"{tmp_path}/third/store", state=f"{tmp_path}/third/state") as store:
        assert (Path(store.real_path(path)) / "folder/program").read_bytes() == (source / "folder/program").read_bytes()


@needs_sshd
def test_builds_and_imports_run_on_the_other_machine(machine, tmp_path):
    url = machine.url("ssh-ng")
    done = machine.run("nix.main", "build", "--store", url, "-f", f"{tmp_path}/packages.nix", "x", "--print-out-paths", "-L")
    assert "built there" in done.stderr.decode()
    out = done.stdout.decode().strip()
    # The other machine is this one, so the output can be read here.
    assert Path(out).read_text().endswith("-dep\n")
    assert machine.run("nix.main", "store", "cat", "--store", url, out).stdout == Path(out).read_bytes()
    assert machine.run("nix.main", "eval", "--store", url, "-f", f"{tmp_path}/packages.nix", "imported").stdout == b"42\n"
    bad = machine.run("nix.main", "build", "--store", url, "-f", f"{tmp_path}/packages.nix", "bad", code=1)
    assert b"builder" in bad.stderr and b"exit code 3" in bad.stderr
    assert machine.run("nix.main", "store", "gc", "--store", url).returncode == 0


@needs_sshd
@pytest.mark.parametrize("scheme", ["ssh", "ssh-ng"])
def test_a_builder_behind_a_real_sshd(machine, tmp_path, scheme):
    """C++ Nix builds there what our command sends (`tests/unit/test_remote_builders.py` has the rest)."""
    builder = f"{machine.url(scheme)} {SYSTEM} {tmp_path}/user 2 1 - - {base64.b64encode(machine.host_key.encode()).decode()}"
    store = other_folder(machine)["store"]
    words = [f"{tmp_path}/packages.nix", "--no-out-link", "--store", store, "--max-jobs", "0", "--builders", builder]
    done = machine.run("old.build", *words, "-A", "x")
    assert b"built there" in done.stderr and machine.shown(scheme).encode() in done.stderr
    out = done.stdout.decode().strip()
    assert (tmp_path / "here/store" / os.path.basename(out)).read_text().endswith("-dep\n")
    assert out in machine.there("nix-store", "-q", "--requisites", out).stdout
    bad = machine.run("old.build", *words, "-A", "bad", code=1)
    assert b"it went wrong" in bad.stderr and b"builder" in bad.stderr


@needs_sshd
def test_a_store_that_is_mounted_here(machine, tmp_path):
    """`mounted-ssh-ng://`: objects are read where they are mounted, links are made by the other machine, and a program runs out of it."""
    if "/usr" in machine.nix:
        pytest.skip("Debian's daemon is older than the option --process-ops")
    with open(tmp_path / "there/conf/nix.conf", "a") as file:
        file.write("extra-experimental-features = mounted-ssh-store\n")
    settings = "extra-experimental-features = mounted-ssh-store\n"
    url = machine.url("mounted-ssh-ng")
    off = machine.run("nix.main", "store", "info", "--store", url, code=1).stderr.decode()
    assert "experimental Nix feature 'mounted-ssh-store' is disabled" in off
    told = machine.run("nix.main", "store", "info", "--store", url, settings=settings).stderr.decode()
    assert "Store URL: ssh-ng://" in told and "Trusted: 1" in told
    link = tmp_path / "result"
    done = machine.run("nix.main", "build", "--store", url, "-f", f"{tmp_path}/packages.nix", "x", "--print-out-paths", "-o", str(link), settings=settings)
    out = done.stdout.decode().strip()
    assert os.readlink(link) == out and Path(out).read_text().endswith("-dep\n")
    assert str(link) in machine.there("nix-store", "-q", "--roots", out).stdout
    assert machine.run("nix.main", "eval", "--store", url, "-f", f"{tmp_path}/packages.nix", "imported", settings=settings).stdout == b"42\n"
    assert machine.run("nix.main", "store", "cat", "--store", url, out, settings=settings).stdout == Path(out).read_bytes()
    (tmp_path / "source").write_text("a source")
    added = machine.run("nix.main", "store", "add", str(tmp_path / "source"), "--store", url, settings=settings).stdout.decode().strip()
    assert Path(added).read_text() == "a source"
    # The store is mounted elsewhere than its paths say, and only the files there are read.
    moved = machine.url("mounted-ssh-ng", real=f"{tmp_path}/mounted")
    os.makedirs(tmp_path / "mounted")
    absent = machine.run("nix.main", "store", "cat", "--store", moved, out, settings=settings, code=1).stderr.decode()
    assert "No such file" in absent or "does not exist" in absent
    os.rmdir(tmp_path / "mounted")
    os.symlink(machine.store_dir, tmp_path / "mounted")
    assert machine.run("nix.main", "store", "cat", "--store", moved, out, settings=settings).stdout == Path(out).read_bytes()
    os.unlink(link)
    machine.run("nix.main", "store", "gc", "--store", url, settings=settings)
    assert not os.path.lexists(out)


@needs_sshd
@pytest.mark.parametrize("scheme", ["ssh", "ssh-ng"])
def test_outputs_are_substituted_from_the_other_machine(machine, tmp_path, scheme):
    """An output of the other machine is not built here, where no shell could build it."""
    out = machine.there("nix-build", f"{tmp_path}/packages.nix", "-A", "x", "--no-out-link").stdout.strip()
    settings = f"substituters = {machine.url(scheme)}\nrequire-sigs = false\nmax-jobs = 0"
    done = machine.run("old.build", f"{tmp_path}/packages.nix", "-A", "x", "--no-out-link", "--store", other_folder(machine)["store"], settings=settings)
    assert done.stdout.decode().strip() == out
    assert f"copying path '{out}' from '{machine.shown(scheme)}'" in done.stderr.decode()
    refused = machine.run(
        "old.build", f"{tmp_path}/packages.nix", "-A", "x", "--no-out-link", "--store",
        other_folder(machine)["store"].replace("/here/", "/fourth/"), settings=settings.replace("= false", "= true"), code=100,
    )  # fmt: skip
    assert "not signed by any of the keys" in refused.stderr.decode()


@needs_sshd
def test_the_host_and_the_user_must_prove_who_they_are(machine):
    key = base64.b64encode(machine.host_key.encode()).decode()
    other = base64.b64encode((machine.folder / "other.pub").read_bytes()).decode()
    for scheme in ("ssh", "ssh-ng"):
        machine.write_client_options("user", "")
        unknown = machine.run("nix.main", "store", "info", "--store", machine.url(scheme), code=1).stderr.decode()
        assert "Host key verification failed" in unknown and "failed to start SSH connection to '127.0.0.1'" in unknown
        machine.run("nix.main", "store", "info", "--store", machine.url(scheme, base64_ssh_public_host_key=key))
        wrong = machine.run("nix.main", "store", "info", "--store", machine.url(scheme, base64_ssh_public_host_key=other), code=1).stderr.decode()
        assert "failed to start SSH connection" in wrong
        machine.write_client_options("other", f"[127.0.0.1]:{machine.port} {machine.host_key}")
        assert "Permission denied" in machine.run("nix.main", "store", "info", "--store", machine.url(scheme), code=1).stderr.decode()
        machine.run("nix.main", "store", "info", "--store", machine.url(scheme, ssh_key=f"{machine.folder}/user"))


@needs_sshd
def test_a_connection_of_another_ssh_is_used(machine):
    """With such a connection, LocalCommand prints nothing."""
    control = f"{machine.folder}/control"
    options = f"-F {machine.folder}/ssh.conf -oControlPath={control}"
    master = subprocess.Popen(["ssh", *options.split(), "-MN", "-p", str(machine.port), f"{getpass.getuser()}@127.0.0.1"])
    try:
        for _ in range(200):
            if os.path.exists(control):
                break
            time.sleep(0.05)
        place = SshPlace("ssh-ng", machine.shown("ssh-ng")[9:], {"remote-program": (f"{machine.nix}/nix-daemon",)}, machine.store_dir)
        os.environ["NIX_SSHOPTS"] = options
        with place.open() as store:
            assert store.paths() == []
    finally:
        os.environ.pop("NIX_SSHOPTS", None)
        master.terminate()
        master.wait()


@pytest.mark.parametrize(
    "place, message",
    [
        ("-oProxyCommand=touch%20x", "invalid SSH authority: '-oProxyCommand%3Dtouch%20x': host name '-oProxyCommand=touch x' must not start with '-'"),
        ("a@-x", "invalid SSH authority: 'a@-x': host name '-x' must not start with '-'"),
        ("-l@host", "invalid SSH authority: '-l@host': user name '-l' must not start with '-'"),
        ("%2Dx@host", "invalid SSH authority: '-x@host': user name '-x' must not start with '-'"),
        ("@host", "invalid SSH authority: '@host': user name must not be empty"),
        ("", "invalid SSH authority: '': host name must not be empty"),
        ("host/path", "invalid URL authority: 'host/path': leftover"),
        ("[::1]x22", "invalid URL authority: '[::1]x22': leftover"),
        ("host:2x", "port '2x' is invalid"),
        ("host%00", "invalid SSH authority: 'host%00': host name must not contain a zero byte"),
        ("-%ff", "invalid SSH authority: '-%FF': host name '-\udcff' must not start with '-'"),
    ],
)
def test_hosts_that_ssh_would_take_for_options(place, message):
    with pytest.raises(ValueError) as caught:
        SshAuthority.parse(place)
    assert str(caught.value) == message


def test_the_command_line_of_ssh_is_that_of_nix(tmp_path):
    program = SshProgram(
        SshAuthority.parse("ada@[fe80::1%25eth0]:2222"), ["nix-daemon", "--stdio"], SshOptions("/key", "ssh-ed25519 AAAA", True, 5),
        {"NIX_SSHOPTS": "-o 'ProxyCommand=nc %h %p' -4"},
    )  # fmt: skip
    assert program.words(f"{tmp_path}/host-key") == [
        "ssh", "ada@fe80::1%eth0", "-x", "-o", "ProxyCommand=nc %h %p", "-4", "-i", "/key", f"-oUserKnownHostsFile={tmp_path}/host-key", "-C",
        "-p2222", "-oPermitLocalCommand=yes", "-oLocalCommand=echo started", "-v", "--", "nix-daemon", "--stdio",
    ]  # fmt: skip


def place_of(scheme: str) -> type:
    return ServePlace if scheme == "ssh" else SshPlace


@pytest.mark.parametrize(
    "scheme, script, message",
    [
        ("ssh", "", "cannot connect to 'localhost'"),
        ("ssh", "printf hello", "cannot connect to 'localhost'"),
        ("ssh", "echo hello you; cat", "'nix-store --serve' protocol mismatch from 'localhost', got 'hello you"),
        ("ssh", "yes", "'nix-store --serve' protocol mismatch from 'localhost', got 'y\ny\n"),
        ("ssh", r"printf '\313\356RT\0\0\0\0\1\3\0\0\0\0\0\0'", "unsupported 'nix-store --serve' protocol version on 'localhost'"),
        ("ssh-ng", "", "cannot open connection to remote store 'ssh-ng://localhost': error: Nix daemon disconnected unexpectedly (maybe it crashed?)"),
        ("ssh-ng", "echo hello you", "cannot open connection to remote store 'ssh-ng://localhost': error: protocol mismatch, got 'hello you'"),
        ("ssh-ng", "yes", "cannot open connection to remote store 'ssh-ng://localhost': error: protocol mismatch, got 'y\ny\n"),
    ],
)
def test_programs_that_are_not_a_store_are_clear_errors(tmp_path, scheme, script, message):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(DaemonError) as caught, place_of(scheme)(scheme, "localhost", {"remote-program": (str(program),)}, "/nix/store").open() as store:
        store.facts()
    assert str(caught.value).startswith(message)
    assert not [line for line in processes() if str(program) in line]


def test_a_missing_ssh_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DaemonError, match="^unable to execute 'ssh': No such file or directory$"), SshPlace("ssh-ng", "host", {}, "/nix/store").open() as store:
        store.facts()
    monkeypatch.setenv("NIX_SSHOPTS", "'")
    with pytest.raises(DaemonError, match="while splitting NIX_SSHOPTS"), ServePlace("ssh", "host", {}, "/nix/store").open() as store:
        store.facts()


def test_a_program_that_does_not_end_is_killed(tmp_path):
    """The program neither reads nor notices the end of the connection, and ignores SIGTERM, so it is killed."""
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('x' * 8, flush=True)\ntime.sleep(1000)\n")
    program.chmod(0o755)
    store = SshPlace("ssh-ng", "localhost", {"remote-program": (str(program),)}, "/nix/store").open()
    with pytest.raises(KeyboardInterrupt):
        interrupt_soon()
        store.facts()
    store.close()
    assert not [line for line in processes() if str(program) in line]


def interrupt_soon() -> None:
    import signal

    signal.signal(signal.SIGALRM, lambda *facts: (_ for _ in ()).throw(KeyboardInterrupt()))
    signal.setitimer(signal.ITIMER_REAL, 0.3)


def test_archives_are_not_longer_than_announced(tmp_path):
    """A serve program sends another archive than it announced."""
    from snowsnake.store import nar
    from snowsnake.store.daemon.wire import Message

    path, archive = f"/nix/store/{'a' * 32}-x", nar.pack_contents(b"contents")
    answers = Message()
    for number in (0x5452EECB, 2 << 8 | 7):
        answers.add_number(number)
    answers.add_text(path)
    answers.add_text("")
    answers.add_texts([])
    answers.add_number(0)
    answers.add_number(len(archive))
    answers.add_text("sha256:" + "0" * 64)
    answers.add_text("")
    answers.add_texts([])
    answers.add_text("")
    answers.data += archive
    (tmp_path / "answers").write_bytes(answers.data)
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answers\ncat > /dev/null\n")
    program.chmod(0o755)
    with ServePlace("ssh", "localhost", {"remote-program": (str(program),)}, "/nix/store").open() as store:
        with pytest.raises(ValueError, match="another hash than its store says"):
            archive_of(store, path)


# --- the other side


def nix_commands() -> list[str]:
    """The reference's `nix`, and ours."""
    beside = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools/nix")
    return [*([beside] if os.access(beside, os.X_OK) else []), str(Path(sys.executable).with_name("snowsnake-nix"))]


@pytest.mark.parametrize("nix", nix_commands(), ids=lambda path: "ours" if "snowsnake-nix" in path else "theirs")
def test_serve_answers_clients_of_nix_and_ours(nix, tmp_path):
    """`nix-store --serve --write`, which clients start, answers copies in both directions and questions, and refuses bad requests."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NIX_STORE_DIR": f"{tmp_path}/store", "NIX_STATE_DIR": f"{tmp_path}/here/state",
        "NIX_LOG_DIR": f"{tmp_path}/log", "NIX_CONF_DIR": str(tmp_path),
        "NIX_CONFIG": "experimental-features = nix-command\nsandbox = false\nbuild-users-group =\nsubstituters =\nbuild-hook =\n",
    }  # fmt: skip
    server = str(Path(sys.executable).with_name("snowsnake-store"))
    there = f"{tmp_path}/there?store={tmp_path}/store&real={tmp_path}/there/store"
    url = f"ssh://localhost?remote-program={server}&remote-store=" + there.replace("?", "%3F").replace("&", "%26").replace("=", "%3D")
    here = f"local?store={tmp_path}/store&real={tmp_path}/here/store&state={tmp_path}/here/state"

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([nix, *words], env=environment, capture_output=True, timeout=60)
        assert done.returncode == code, done.stderr.decode()
        return done

    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "folder/file").write_bytes(os.urandom(300_000))
    (tree / "folder/empty").touch()
    path = run("store", "add", str(tree), "--store", here).stdout.decode().strip()
    run("copy", "--no-check-sigs", "--from", here, "--to", url, path)
    assert (tmp_path / "there/store" / os.path.basename(path) / "folder/file").read_bytes() == (tree / "folder/file").read_bytes()
    assert run("path-info", "--store", url, path).stdout.decode().strip() == path
    absent = f"{tmp_path}/store/{'a' * 32}-x"
    assert f"path '{absent}' is not valid" in run("path-info", "--store", url, absent, code=1).stderr.decode()
    third = f"local?store={tmp_path}/store&real={tmp_path}/third/store&state={tmp_path}/third/state"
    run("copy", "--no-check-sigs", "--from", url, "--to", third, path)
    assert (tmp_path / "third/store" / os.path.basename(path) / "folder/file").read_bytes() == (tree / "folder/file").read_bytes()
    assert not [line for line in processes() if "--serve" in line and str(tmp_path) in line]


REMOTE_PACKAGES = """
let make = name: script: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; };
in rec {
  dep = make "dep" "echo 42 > $out";
  x = derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "dev" ]; args = [ "-c" "echo built there; echo ${dep} > $out; echo $out > $dev" ]; };
  bad = make "bad" "echo it went wrong; exit 3";
  slow = make "slow" "PATH=/bin:/usr/bin; sleep 100";
  wrong = derivation { name = "f"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo x > $out" ]; outputHashMode = "flat";
    outputHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; };
}
"""


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
@pytest.mark.parametrize("scheme", ["ssh", "ssh-ng"])
def test_we_build_what_nix_sends_to_a_builder(scheme, tmp_path):
    """2.34.8 with a machine in `builders` sends the derivation, copies its inputs to us, and copies its outputs from us."""
    tools = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
    if not os.access(f"{tools}/nix", os.X_OK):
        pytest.skip("needs C++ Nix")
    (tmp_path / "packages.nix").write_text(REMOTE_PACKAGES)
    main = "snowsnake.cli.old.store import main" if scheme == "ssh" else "snowsnake.cli.daemon import main"
    server = tmp_path / "server"
    place = f"local?store={tmp_path}/store&real={tmp_path}/there/store&state={tmp_path}/there/state"
    server.write_text(
        f"#!/bin/sh\nNIX_REMOTE='{place}' PYTHONPATH={SOURCE} exec {sys.executable} -c 'import sys; from {main}; sys.exit(main())' \"$@\"\n"
    )
    server.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NIX_STORE_DIR": f"{tmp_path}/store", "NIX_STATE_DIR": f"{tmp_path}/here/state",
        "NIX_LOG_DIR": f"{tmp_path}/log", "NIX_CONF_DIR": str(tmp_path),
        "NIX_CONFIG": f"experimental-features = nix-command\nsandbox = false\nbuild-users-group =\nsubstituters =\nbuild-hook = {tools}/nix __build-remote\n",
    }  # fmt: skip
    words = ["--no-out-link", "--max-jobs", "0", "--builders", f"{scheme}://localhost?remote-program={server} x86_64-linux - 2"]

    def build(*given: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([f"{tools}/nix-build", "packages.nix", *given, *words], env=environment, capture_output=True, timeout=120, cwd=tmp_path, text=True)
        assert done.returncode == code, done.stderr
        return done

    done = build("-A", "x")
    assert "built there" in done.stderr
    out = Path(done.stdout.splitlines()[0])
    dep = Path(out.read_text().strip())
    assert dep.read_text() == "42\n"
    for path in (out, dep):
        assert (tmp_path / "there/store" / path.name).read_bytes() == path.read_bytes()
    assert not list((tmp_path / "there/store").glob("*.drv"))
    bad = build("-A", "bad", code=1).stderr
    assert "it went wrong" in bad and "builder failed with exit code 3" in bad
    assert "specified: sha256-AAAAAAAA" in build("-A", "wrong", code=1).stderr
    # 2.34.8 leaves settings of a machine behind ssh-ng as they are.
    if scheme == "ssh":
        assert "timed out after 1 seconds" in build("-A", "slow", "--timeout", "1", code=1).stderr
    with LocalStore(tmp_path, f"{tmp_path}/store", real=f"{tmp_path}/there/store", state=f"{tmp_path}/there/state") as store:
        assert store.verify() == [] and store.is_valid(str(out)) and store.known(str(out)).is_ultimate


@pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here")
@pytest.mark.parametrize("version", [(2, 0), (2, 2), (2, 3), (2, 6), (2, 7)])
def test_results_of_derivations_that_clients_send(version, tmp_path):
    """Versions of the serve protocol differ in the options of a build and in the fields of its result."""
    from snowsnake.store.daemon.wire import Message
    from snowsnake.store.ssh.serve import Command

    request = Message()
    outs = {name: f"/nix/store/{letter * 32}-{name}" for name, letter in (("good", "b"), ("bad", "c"))}
    values: list[int | str] = [0x390C9DEB, version[0] << 8 | version[1]]
    for name, script in [("good", "echo > $out"), ("bad", "exit 3")]:
        values += [Command.BUILD_DERIVATION, f"/nix/store/{'a' * 32}-{name}.drv", 1, "out", outs[name], "", "", 0, "x86_64-linux", "/bin/sh", 2, "-c", script]
        values += [1, "out", outs[name], 0, 0]
        values += [0] * ((version >= (2, 2)) + 2 * (version >= (2, 3)) + (version >= (2, 7)))
    for value in values:
        if isinstance(value, str):
            request.add_text(value)
        else:
            request.add_number(value)
    program = [str(Path(sys.executable).with_name("snowsnake-store")), "--store", f"{tmp_path}/root", "--serve", "--write"]
    # The client keeps its connection open until it has the answers.
    environment = os.environ | {"NIX_CONFIG": "substituters =\nsystem = x86_64-linux"}
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as server:
        server.stdin.write(bytes(request.data))
        server.stdin.flush()
        data = server.stdout.read(16 + 8 + 8)
        numbers = [int.from_bytes(data[at : at + 8], "little") for at in range(16, len(data), 8)]
        # These numbers mean that the build succeeded, and that there is no message.
        assert numbers == [0, 0]
        if version >= (2, 3):
            assert server.stdout.read(32)[:8] == (1).to_bytes(8, "little")
        if version >= (2, 6):
            assert server.stdout.read(8) == (1).to_bytes(8, "little")
            for _ in range(2):
                size = int.from_bytes(server.stdout.read(8), "little")
                text = server.stdout.read(-size % 8 + size)[:size].decode()
            assert json.loads(text)["outPath"] == os.path.basename(outs["good"])
        assert int.from_bytes(server.stdout.read(8), "little") == 3
        size = int.from_bytes(server.stdout.read(8), "little")
        assert b"builder failed with exit code 3" in server.stdout.read(size)
        server.stdin.close()
        server.stdout.read()
    assert server.returncode == 0
    with LocalStore(tmp_path / "root") as store:
        assert store.is_valid(outs["good"]) and not store.is_valid(outs["bad"])


def test_requests_that_we_do_not_serve_are_refused(tmp_path):
    from snowsnake.store.daemon.wire import Message
    from snowsnake.store.ssh.serve import Command

    program = [str(Path(sys.executable).with_name("snowsnake-store")), "--store", f"{tmp_path}/root", "--serve"]
    path = f"/nix/store/{'a' * 32}-x"
    subprocess.run([*program[:-1], "--init"], check=True)
    for numbers, message in [
        ([0x1234, 2 << 8 | 7], "protocol mismatch"),
        ([0x390C9DEB, 2 << 8 | 7, 77], "unknown serve command 77"),
        ([0x390C9DEB, 2 << 8 | 7, Command.BUILD_PATHS], "building paths is not allowed"),
        ([0x390C9DEB, 2 << 8 | 7, Command.BUILD_DERIVATION], "building paths is not allowed"),
        ([0x390C9DEB, 2 << 8 | 7, Command.ADD_TO_STORE_NAR], "importing paths is not allowed"),
        ([0x390C9DEB, 2 << 8 | 7, Command.QUERY_PATH_INFOS, 1 << 60], "announces 1152921504606846976 items"),
        ([0x390C9DEB, 2 << 8 | 7, Command.QUERY_PATH_INFOS, 1, "/etc/passwd"], "is not in the Nix store"),
        ([0x390C9DEB, 2 << 8 | 7, Command.DUMP_STORE_PATH, path], f"path '{path}' is not valid"),
        ([0x390C9DEB, 2 << 8 | 7, Command.DUMP_STORE_PATH, f"/nix/store/../../{path}"], "error"),
        ([0x390C9DEB], "unexpected end-of-file"),
    ]:
        request = Message()
        for value in numbers:
            if isinstance(value, str):
                request.add_text(value)
            else:
                request.add_number(value)
        done = subprocess.run(program, input=bytes(request.data), capture_output=True, timeout=60)
        assert done.returncode == 1 and message in done.stderr.decode(), (numbers, done.stderr)
    done = subprocess.run(program, input=bytes(16).replace(bytes(16), (0x390C9DEB).to_bytes(8, "little") + (2 << 8 | 7).to_bytes(8, "little")), capture_output=True)
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, b"", 16)
