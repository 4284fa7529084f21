"""Builds on other machines: `builders`, the hook's protocol with ours and C++ Nix on either side, a real sshd, busy machines, failures, kills."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import command_lines

from snowsnake.build.machines import BadMachine, parse_machines
from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store.local import LocalStore

SOURCE = str(Path(__file__).resolve().parents[2] / "src")
TOOLS = os.path.join(os.environ["SNOWSNAKE_REFERENCES"], "tools")
HAS_NIX = os.access(f"{TOOLS}/nix", os.X_OK)
PACKAGES = """
let make = name: more: script: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; } // more);
in rec {
  dep = make "dep" { } "echo 42 > $out";
  x = make "x" { outputs = [ "out" "dev" ]; } "echo built there; echo ${dep} > $out; echo $out > $dev";
  imported = import dep;
  bad = make "bad" { } "echo it went wrong; exit 3";
  wrong = make "f" { outputHashMode = "flat"; outputHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; } "echo x > $out";
  kvm = make "k" { requiredSystemFeatures = [ "fast" ]; } "echo > $out";
  other = make "o" { system = "riscv64-linux"; } "echo > $out";
  needs = make "needs" { inputs = [ bad dep ]; } "echo > $out";
  local = make "local" { preferLocalBuild = true; } "echo > $out";
  slow = make "slow" { } "echo begun; PATH=/bin:/usr/bin; sleep 98766";
  addressed = make "addressed" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } "echo log of addressed; echo same > $out";
  user = make "user" { inherit addressed; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } "echo log of user; echo ${addressed} > $out";
  many = builtins.genList (n: make "many-${toString n}" { } "echo ${toString n} > $out") 5;
}
"""


class World:
    """This machine, and another one that is reached without ssh, because it is called localhost."""

    def __init__(self, folder: Path, scheme: str = "ssh-ng") -> None:
        if why_no_sandbox():
            pytest.skip("no namespaces here")
        self.folder = folder
        self.scheme = scheme
        self.store = f"{folder}/store"
        (folder / "packages.nix").write_text(PACKAGES)
        self.called = folder / "called"
        main = "snowsnake.cli.old.store import main" if scheme == "ssh" else "snowsnake.cli.daemon import main"
        self.server = self.program("server", f"import sys; from {main}; sys.exit(main())", self.there)
        self.ours = self.program("build", "import sys; from snowsnake.cli.old.build import main; sys.exit(main())")
        self.our_hook = f"{self.program('hook', 'from snowsnake.cli.entry_points import nix; nix()')} __build-remote"
        self.settings = ["experimental-features = nix-command ca-derivations", "sandbox = false", "build-users-group =", "substituters =", "require-sigs = false"]

    @property
    def there(self) -> str:
        return f"local?store={self.store}&real={self.folder}/there/store&state={self.folder}/there/state"

    def program(self, name: str, code: str, store: str = "") -> str:
        path = self.folder / name
        remote = f"echo called >> {self.called}; NIX_REMOTE='{store}' " if store else ""
        path.write_text(f"#!/bin/sh\n{remote}PYTHONPATH={SOURCE} exec {sys.executable} -c '{code}' \"$@\"\n")
        path.chmod(0o755)
        return str(path)

    def machine(self, rest: str = "x86_64-linux - 2 1 ca-derivations") -> str:
        return f"{self.scheme}://localhost?remote-program={self.server} {rest}"

    def environment(self, hook: str = "") -> dict[str, str]:
        lines = self.settings + ([f"build-hook = {hook}"] if hook else [])
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "NIX_STORE_DIR": self.store, "NIX_STATE_DIR": f"{self.folder}/here/state",
            "NIX_LOG_DIR": f"{self.folder}/log", "NIX_CONF_DIR": str(self.folder), "NIX_CONFIG": "\n".join(lines), "PYTHONPATH": SOURCE,
        }  # fmt: skip

    def build(self, *words: str, code: int = 0, client: str = "", hook: str = "", machines: str | None = None, jobs: str = "0") -> subprocess.CompletedProcess:
        machines = self.machine() if machines is None else machines
        given = [client or self.ours, "packages.nix", "--no-out-link", "--max-jobs", jobs, "--builders", machines, *words]
        done = subprocess.run(given, env=self.environment(hook), capture_output=True, text=True, timeout=120, cwd=self.folder)
        assert done.returncode == code, done.stderr
        return done

    def call_count(self) -> int:
        return len(self.called.read_text().split()) if self.called.exists() else 0

    def verify(self) -> None:
        for place in ("here", "there"):
            real = self.store if place == "here" else f"{self.folder}/there/store"
            if os.path.exists(real):
                with LocalStore(self.folder, self.store, real=real, state=f"{self.folder}/{place}/state") as store:
                    assert store.verify() == []


SIDES = [("ours", "")] + ([("ours", "theirs"), ("theirs", "ours"), ("theirs", "theirs")] if HAS_NIX else [])


@pytest.mark.parametrize("scheme", ["ssh", "ssh-ng"])
@pytest.mark.parametrize("client, hook", SIDES)
def test_builds_run_on_the_other_machine(client, hook, scheme, tmp_path) -> None:
    """The client and the hook are ours or C++ Nix's; the machine is ours."""
    world = World(tmp_path, scheme)
    who = {"client": f"{TOOLS}/nix-build" if client == "theirs" else "", "hook": {"": "", "ours": world.our_hook, "theirs": f"{TOOLS}/nix __build-remote"}[hook]}
    done = world.build("-A", "x", **who)
    assert "built there" in done.stderr and f"-x.drv' on '{scheme}://localhost?remote-program=" in done.stderr
    out = Path(done.stdout.splitlines()[0])
    dep = Path(out.read_text().strip())
    assert dep.read_text() == "42\n" and (tmp_path / "there/store" / dep.name).exists()
    log = subprocess.run([sys.executable, "-c", "import sys; from snowsnake.cli.old.store import main; sys.exit(main())", "-l", str(out)], env=world.environment(), capture_output=True)
    assert log.stdout == b"built there\n"
    bad = world.build("-A", "bad", code=1, **who).stderr
    assert "it went wrong" in bad and "failed: Cannot build" in bad and "exit code 3" in bad and "Reason: builder failed with exit code 1" in bad
    assert "specified: sha256-AAAAAAAA" in world.build("-A", "wrong", code=1, **who).stderr
    declined = world.build("-A", "kvm", code=100, **who).stderr
    assert "Failed to find a machine for remote build!" in declined and "required (system, features): (x86_64-linux, [fast])" in declined
    assert "1 dependency failed" in world.build("-A", "needs", code=1, **who).stderr
    user = world.build("-A", "user", **who).stdout.strip()
    assert Path(Path(user).read_text().strip()).read_text() == "same\n"
    world.verify()


def test_the_log_is_that_of_the_resolved_derivation(tmp_path) -> None:
    """The log is that of the derivation that was built in its place."""
    world = World(tmp_path)
    world.build("-A", "user", jobs="1", machines="")
    code = "import sys; from snowsnake.cli.nix.main import main; sys.exit(main())"
    for name in ("addressed", "user"):
        program = [sys.executable, "-c", code, "log", "-f", "packages.nix", name]
        assert subprocess.run(program, env=world.environment(), cwd=tmp_path, capture_output=True, text=True).stdout == f"log of {name}\n"


def test_logs_are_where_the_url_of_the_store_says(tmp_path) -> None:
    """NIX_LOG_DIR does not count, because it is for the machine's own store."""
    world = World(tmp_path)
    code = "import sys; from snowsnake.cli.nix.main import main; sys.exit(main())"
    for url, folder in [(f"{tmp_path}/root", "root/nix/var/log/nix"), (f"local?root={tmp_path}/other&log={tmp_path}/logs", "logs")]:
        assert "it went wrong" in world.build("-A", "bad", "--store", url, code=1).stderr
        [log] = (tmp_path / folder).rglob("*-bad.drv.bz2")
        drv_path = f"{world.store}/{log.parent.name}{log.name.removesuffix('.bz2')}"
        found = subprocess.run([sys.executable, "-c", code, "log", "--store", url, drv_path], env=world.environment(), capture_output=True, text=True)
        assert found.stdout == "it went wrong\n", found.stderr


def test_only_fitting_builds_are_sent_to_a_machine(tmp_path) -> None:
    """The choice depends on systems and features, `preferLocalBuild` and imports of the evaluation; some machines cannot be reached."""
    world = World(tmp_path)
    world.build("-A", "local", jobs="1")
    assert world.call_count() == 0
    world.build("-A", "dep", jobs="1")
    assert world.call_count() == 1
    assert "bad machine specification" in world.build("-A", "kvm", machines="ssh://a x86_64-linux - many", code=1).stderr
    world.settings.append("system-features = fast")
    world.build("-A", "kvm", jobs="1", machines=world.machine("riscv64-linux"))
    assert world.call_count() == 1
    lost = world.build("-A", "x", jobs="1", machines=f"ssh://localhost?remote-program={tmp_path}/absent x86_64-linux; {world.machine()}")
    assert "cannot build on 'ssh://localhost?remote-program=" in lost.stderr and world.call_count() == 2
    alone = world.build("-A", "bad", code=100, machines=f"ssh://localhost?remote-program={tmp_path}/absent x86_64-linux")
    assert "local builds are disabled" in alone.stderr
    world.settings.append(f"builders = {world.machine()}")
    program = [sys.executable, "-c", "import sys; from snowsnake.cli.nix.main import main; sys.exit(main())", "eval", "--impure", "-f", "packages.nix", "imported"]
    assert subprocess.run(program, env=world.environment(), cwd=tmp_path, capture_output=True).stdout == b"42\n"


def test_builds_of_another_system_run_on_its_machine(tmp_path) -> None:
    """The machine says that it builds for the other system, and can do so in this test because its setting `system` names it."""
    world = World(tmp_path)
    server = Path(world.server)
    server.write_text(server.read_text().replace("PYTHONPATH=", "NIX_CONFIG='system = riscv64-linux' PYTHONPATH="))
    world.build("-A", "other", machines=world.machine("riscv64-linux,i686-linux"), jobs="2")
    world.verify()


def test_features_in_the_url_of_a_store_replace_the_setting(tmp_path) -> None:
    """The features in the URL replace the setting, on whichever machine builds."""
    world = World(tmp_path)
    server = Path(world.server)
    server.write_text(server.read_text().replace("/there/state'", "/there/state&system-features=fast'"))
    world.build("-A", "kvm", machines=world.machine("x86_64-linux - 1 1 fast"))
    world.verify()


def test_a_busy_machine_gets_one_build_after_the_other(tmp_path) -> None:
    """Locks in `current-load` count builds of all processes; a machine with one free place has one build after the other."""
    world = World(tmp_path)
    world.settings.append("build-poll-interval = 1")
    done = world.build("-A", "many", machines=world.machine("x86_64-linux - 1"))
    assert len(done.stdout.split()) == 5 and "waiting for a machine to build" in done.stderr
    world.verify()
    url = world.machine("").strip().replace("/", "_")
    place = tmp_path / "here/state/current-load" / f"{url}-0"
    with open(place) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The machine is busy and this one can build, so nobody waits for it.
        assert "on 'ssh-ng" not in world.build("-A", "dep", machines=world.machine("x86_64-linux - 1"), jobs="1").stderr
        client = subprocess.Popen(
            [world.ours, "packages.nix", "-A", "x", "--no-out-link", "--max-jobs", "0", "--builders", world.machine("x86_64-linux - 1")],
            env=world.environment(), cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert client.stderr is not None
        while "waiting for a machine" not in client.stderr.readline():
            assert client.poll() is None
    assert "built there" in client.stderr.read() and client.wait() == 0


def test_the_machine_with_the_least_load_gets_the_build(tmp_path) -> None:
    """The best machine has the least load for its speed; of two with the same load, it is the faster one."""
    world = World(tmp_path)
    slow, fast = (world.program(name, "import sys; from snowsnake.cli.daemon import main; sys.exit(main())", world.there) for name in ("slow", "fast"))
    lines = [f"ssh-ng://localhost?remote-program={slow} x86_64-linux - 4 1", f"ssh-ng://localhost?remote-program={fast} x86_64-linux - 1 2"]
    for order in (lines, lines[::-1]):
        assert f"remote-program={fast}" in world.build("-A", "bad", machines="\n".join(order), code=1).stderr
    (tmp_path / "machines").write_text(f"# those of a file\n{lines[0]}\n")
    assert f"remote-program={slow}" in world.build("-A", "bad", machines=f"@{tmp_path}/machines ; @{tmp_path}/absent", code=1).stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_hook_and_builder_end_with_a_killed_command(number, tmp_path) -> None:
    """Neither the hook nor the machine's builder goes on when the command is killed or interrupted."""
    world = World(tmp_path)
    client = subprocess.Popen(
        [world.ours, "packages.nix", "-A", "slow", "--no-out-link", "--max-jobs", "0", "--builders", world.machine()],
        env=world.environment(), cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert client.stderr is not None
    while b"begun" not in client.stderr.readline():
        assert client.poll() is None
    client.send_signal(number)
    client.communicate()
    for _ in range(400):
        lines = command_lines().values()
        left = [line for line in lines if str(tmp_path).encode() in line or b"98766" in line]
        if not left:
            break
        time.sleep(0.05)
    assert left == []
    world.verify()


@pytest.mark.parametrize(
    "script, message",
    [
        ("sleep 0.5; exit 3", "unexpected EOF reading a line"),
        ("echo '# maybe' >&2; sleep 9", "bad hook reply 'maybe'"),
        ("sleep 0.5; echo '# accept' >&2", "unexpected EOF reading a line"),
        ("sleep 0.5; (echo '# accept'; echo elsewhere; echo '@nix {'; echo '@nix []') >&2; echo a log >&4", "some outputs are unexpectedly invalid"),
        ("sleep 0.5; (echo '# accept'; echo elsewhere) >&2; echo a log >&4; exit 7", "builder failed with exit code 7"),
    ],
)
def test_wrong_hooks_are_clear_errors(script, message, tmp_path) -> None:
    world = World(tmp_path)
    (tmp_path / "hook").write_text(f"#!/bin/sh\n{script}\n")
    found = world.build("-A", "dep", hook=str(tmp_path / "hook"), code=1).stderr
    assert message in found and ("a log" in found) == ("a log" in script)
    assert "No such file or directory" in world.build("-A", "dep", hook=str(tmp_path / "absent"), code=1).stderr
    world.verify()


def test_lines_of_machines_are_read() -> None:
    text = "a; ssh-ng://b i686-linux,x86_64-linux /key 3 2.5 kvm,big big - # the rest\n /srv/store - - - 0\n\n@/nonexistent/machines\n"
    first, second, third = parse_machines(text, "x86_64-linux")
    assert (first.url, first.systems, first.max_jobs, first.speed_factor) == ("ssh://a", {"x86_64-linux"}, 1, 1.0)
    assert (second.key_file, second.max_jobs, second.speed_factor, second.features, second.mandatory) == ("/key", 3, 2.5, {"kvm", "big"}, {"big"})
    assert (third.url, third.speed_factor) == ("local:///srv/store", 1.0)
    assert second.reference().parameters == {"ssh-key": "/key", "system-features": "big kvm big"}
    assert second.can_build("i686-linux", {"big"}) and second.can_build("builtin", {"big", "kvm"})
    assert not second.can_build("i686-linux", ()) and not second.can_build("i686-linux", {"big", "fast"}) and not second.can_build("a", {"big"})
    for line in ("- x86_64-linux", "a b c d", "a b c -1", "a b c 1 fast", "a b c 1 -1", "a b c 1 1 d e ?"):
        with pytest.raises(BadMachine):
            parse_machines(line, "x86_64-linux")
