"""Our own builder: what it does when a build goes wrong, and what a build cannot do.

Over 600 lines: each test is one build that goes wrong, and all of them use the same functions to make a derivation and to build it.
"""

import ctypes
import lzma
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snowsnake.build import process
from snowsnake.build.external import Greeting
from snowsnake.build.failure import BuildFailure, Stopped
from snowsnake.build.filter import program
from snowsnake.build.log import BuildLog
from snowsnake.build.options import BuildOptions
from snowsnake.build.outputs import make_canonical, scan
from snowsnake.build.realisation import Realiser
from snowsnake.build.sandbox import Sandbox, why_no_sandbox
from snowsnake.build.watcher import Watcher
from snowsnake.diagnostics.log import event_line
from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.hash import Hash
from snowsnake.store.local import LocalStore

pytestmark = [pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here"), pytest.mark.bare]
# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("ps",)
MACHINE = {path: (path, True) for path in ("/bin", "/lib", "/lib64", "/usr")}


@pytest.fixture
def store(tmp_path):
    with LocalStore(tmp_path / "store", durable=False) as store:
        yield store


def derivation(store: LocalStore, script: str, name: str = "x", **env: str) -> tuple[str, str]:
    """(`.drv` path, output path) of a derivation whose builder is a shell with the machine's programs."""
    drv = Derivation(name, "x86_64-linux", "/bin/sh", ["-c", script], env={"PATH": "/bin:/usr/bin", **env}, store_dir=store.store_dir)
    drv.outputs = {"out": DerivationOutput()}
    path = drv.finish(DerivationMemory(store.store_dir))
    assert store.add_derivation(drv.to_aterm(), path, path) == path
    return path, drv.outputs["out"].path


def build(store: LocalStore, *paths: str, **options) -> list[str]:
    """The lines that were shown."""
    lines: list[str] = []
    chosen = BuildOptions(sandbox_paths=MACHINE, sandbox_fallback=False, on_message=lambda text, is_log: lines.append(text), **options)
    store.flush()
    Realiser(chosen).realise(store, [f"{path}!out" for path in paths])
    return lines


def scratch(store: LocalStore) -> list[str]:
    """What is left of builds."""
    folders = Path(store.root, "nix/var/snowsnake/tmp")
    return [str(path) for folder in folders.iterdir() for path in folder.iterdir()]


def test_a_build_leaves_only_its_output(store):
    drv_path, out = derivation(store, "echo hello > $out")
    assert build(store, drv_path) == [f"building '{drv_path}'..."]
    assert store.read(out) == b"hello\n"
    info = store.info(out)
    assert (info.deriver, info.is_ultimate, info.references) == (drv_path, True, [])
    assert scratch(store) == []
    assert not list(Path(store.root, "nix/store").glob("*.lock"))
    assert store.verify() == []
    # The output is valid now.
    assert build(store, drv_path) == []


def test_root_where_there_are_no_other_users(tmp_path, commands):
    """In a namespace of users that knows root alone, builds work, and still cannot change what belongs to the kernel."""
    attempts = ["/proc/sys/vm/drop_caches", "/proc/sys/kernel/core_pattern", "/proc/irq/default_smp_affinity", "/proc/sysrq-trigger"]
    script = "; ".join(f"test ! -e {name} || ! echo 1 > {name} || exit 9" for name in attempts) + "; read a b c < /proc/self/uid_map; echo $a $b $c > $out"
    expression = f"""derivation {{ name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "{script}" ]; }}"""
    words = ["nix-build", "--store", f"{tmp_path}/store", "--no-out-link", "--option", "substituters", "", "-E", expression]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *words], env=os.environ | {"PATH": f"{commands}:{os.environ['PATH']}"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert Path(f"{tmp_path}/store{done.stdout.strip()}").read_text() == "1000 0 1\n"


@pytest.mark.parametrize(
    "script",
    [
        "touch /etc/new", "echo > /bin/new", "echo > /usr/new", "mount -t tmpfs none /tmp", "umount /proc",
        "chroot / true", "mknod /build/disk b 8 0", "cat /dev/mem", "cat /proc/1/root/../etc/shadow", "ls /root", "ls /home/*", "chown 0 /build",
        "unshare -r mount -o remount,rw /usr", "hostname x", "date -s 2000-01-01", "echo 1 > /proc/sys/kernel/panic",
        "echo x > /proc/sys/kernel/core_pattern", "echo 1 > /proc/sys/vm/drop_caches", "echo b > /proc/sysrq-trigger",
        "mkdir -p d/e; echo > d/e/f; chmod 4755 d/e/f", "mkdir -p $out/d; echo > $out/d/f; chmod 2755 $out/d/f", "mkdir $out; chmod 2777 $out",
        "install -m 4755 /bin/true suid", "cp /bin/true t; chmod u+s t", "ln /bin/sh mine", "rmdir /nix/store", "mv /nix/store /nix/s",
        "unshare -rm umount /usr", "unshare -rm umount -l /proc", "mknod $out c 1 3", "mkdir $out; mknod $out/x b 8 0", "chattr +i /build",
        "echo -1000 > /proc/self/oom_score_adj", "ulimit -Hn 100000000", "echo > /proc/self/uid_map", "echo deny > /proc/1/setgroups", "dmesg | grep .",
        "echo core > /proc/sys/kernel/modprobe", "ls /sys/class/net | grep .", "ls /proc/*/root/root/.cache", "cat /proc/[2-9]*/environ | grep SSH_",
        *(f"perl -e '{code}'" for code in (
            # setxattr
            'open F, ">x"; exit(syscall(188, "x", "user.x", "v", 1, 0) == 0 ? 0 : 1)',
            # ioctl that makes a file immutable
            'open F, ">x"; exit(ioctl(F, 0x40086602, pack("L", 16)) ? 0 : 1)',
            # mount
            'exit(syscall(165, "none", "/tmp", "tmpfs", 0, 0) == 0 ? 0 : 1)',
            # kexec_load, init_module
            'exit(syscall(246, 0, 0, 0, 0) >= 0 ? 0 : 1)', 'exit(syscall(175, 0, 0, 0) == 0 ? 0 : 1)',
            # clock_settime
            'exit(syscall(227, 0, pack("qq", 0, 0)) == 0 ? 0 : 1)',
            # open_by_handle_at, setns
            'exit(syscall(304, -100, "x", 0) >= 0 ? 0 : 1)', 'exit(syscall(308, 3, 0) == 0 ? 0 : 1)',
            # keyctl, request_key: look for a key of the session
            'my $t = "user"; my $k = "snowsnake"; exit(syscall(250, 10, -3, $t, $k, 0) >= 0 ? 0 : 1)',
            'my $t = "user"; my $k = "snowsnake"; exit(syscall(249, $t, $k, 0, 0) >= 0 ? 0 : 1)',
            'use Socket; socket(S, PF_INET, SOCK_RAW, 1) or exit 1', 'use Socket; socket(S, 17, SOCK_RAW, 0) or exit 1',
            'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); exit(connect(S, pack_sockaddr_in(22, inet_aton("127.0.0.1"))) ? 0 : 1)',
        )),
        "nsenter -t 1 -m true", "swapoff -a", "setpriv --reuid 0 true", "exec 3<>/dev/tcp/127.0.0.1/22",
    ],
)  # fmt: skip
def test_no_way_leads_out_of_the_sandbox(store, script):
    """Each script fails inside the sandbox and leaves the machine as it was."""
    add_key = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine)
    # The session gets a key, for which some scripts look.
    if add_key is not None:
        ctypes.CDLL(None).syscall(add_key, b"user", b"snowsnake", b"secret", 6, -3)
    drv_path, _ = derivation(store, f"({script}) 2>/dev/null && echo out of the sandbox > $out")
    with pytest.raises(BuildFailure):
        build(store, drv_path)
    assert scratch(store) == []


@pytest.mark.parametrize(
    "script, message",
    [
        ("mkfifo $out", "has an unsupported type"),
        ("mkdir $out; mkfifo $out/deep", "has an unsupported type"),
        ("echo > $out; chmod 666 $out", "suspicious ownership or permission"),
        ("true", "failed to produce output path"),
        ("exit 9", "builder failed with exit code 9"),
        ("kill -9 $$; sh -c 'kill -9 $PPID'; exit 4", "builder failed with exit code 4"),
        ("ln -s /etc/shadow $out; exit 1", "exit code 1"),
        ("chmod 4755 /build; echo > f; chmod 6777 f", "exit code 1"),
    ],
)
def test_failed_builds_and_bad_outputs_are_rejected(store, script, message):
    drv_path, out = derivation(store, script)
    with pytest.raises(BuildFailure, match=message):
        build(store, drv_path)
    assert not store.has_now(out)
    assert not os.path.lexists(store.real_path(out))
    assert scratch(store) == []


def test_a_link_to_outside_is_a_link(store):
    """The link is not followed: the file to which it leads is neither read nor changed."""
    drv_path, out = derivation(store, "mkdir $out; ln -s /etc/passwd $out/link; ln -s $out/none $out/dangling")
    build(store, drv_path)
    assert os.readlink(store.real_path(f"{out}/link")) == "/etc/passwd"
    assert store.verify() == []


def test_closed_folders_are_opened_and_removed(store):
    drv_path, out = derivation(store, "mkdir -p $out/a/b; echo > $out/a/b/c; chmod 0 $out/a/b $out/a; mkdir -p deep/er; chmod 0 deep")
    build(store, drv_path)
    assert os.stat(store.real_path(f"{out}/a/b")).st_mode & 0o777 == 0o555
    assert scratch(store) == []


LONG = "$(printf %0200d 0)"


@pytest.mark.parametrize(
    "script",
    [
        # Paths that are longer than the system allows, closed at every step or at the end.
        f"i=0; while [ $i -lt 60 ]; do mkdir {LONG}; cd {LONG}; i=$((i+1)); done",
        f"i=0; while [ $i -lt 60 ]; do mkdir {LONG}; cd {LONG}; chmod 0 ..; i=$((i+1)); done; echo > file; chmod 0 .",
        "i=0; while [ $i -lt 2000 ]; do mkdir d; cd d; i=$((i+1)); done",
        # Store objects and links that are not outputs.
        "mkdir /nix/store/00000000000000000000000000000000-other; echo bad > /nix/store/11111111111111111111111111111111-x; ln -s /etc $out-link",
        "echo > /nix/store/.links; mkdir /nix/store/.snowsnake; ln -s / /nix/store/root; mkfifo fifo",
        # Processes that go on, do not want to end, and change the output meanwhile.
        "i=0; while [ $i -lt 200 ]; do (trap '' TERM HUP INT; exec setsid sleep 1000) & i=$((i+1)); done",
        "(while :; do echo > $out; chmod 777 $out; rm -f $out; done) & sleep 0.1",
    ],
)
def test_nothing_is_left_of_odd_builders(store, script):
    drv_path, out = derivation(store, f"folder=$PWD; {script}; cd $folder 2>/dev/null; echo > $out")
    try:
        build(store, drv_path, timeout_s=60)
    except BuildFailure:
        assert not store.has_now(out)
    assert scratch(store) == [] and store.verify() == []
    assert {path.name for path in Path(store.root, "nix/store").iterdir() if path.name[0] != "."} == {os.path.basename(path) for path in store.paths()}


def test_nothing_is_left_of_an_output_with_long_paths(store):
    drv_path, out = derivation(store, f"mkdir $out; cd $out; i=0; while [ $i -lt 40 ]; do mkdir {LONG}; cd {LONG}; i=$((i+1)); done")
    with pytest.raises(BuildFailure, match="File name too long"):
        build(store, drv_path)
    assert scratch(store) == [] and not list(Path(store.root, "nix/store").glob(f"{os.path.basename(out)}*"))


def test_nothing_outlives_a_build(store):
    """A process that leaves its group, ignores signals and forgets its streams ends with the build."""
    mark = f"sleep {300 + os.getpid() % 100}.25"
    drv_path, _ = derivation(store, f"setsid sh -c 'trap \"\" TERM HUP; exec {mark}' >/dev/null 2>&1 </dev/null & echo > $out")
    build(store, drv_path)
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_a_full_disk_fails_the_build(store):
    drv_path, out = derivation(store, "mkdir $out; dd if=/dev/zero of=/dev/shm/big bs=1M count=9 2>/dev/null || { echo no room; exit 5; }")
    with pytest.raises(BuildFailure, match="exit code 5"):
        build(store, drv_path, sandbox_shm_size="4M")
    assert not store.has_now(out)


def test_an_endless_log_is_stopped(store):
    drv_path, _ = derivation(store, "while true; do echo 0123456789012345678901234567890123456789; done")
    with pytest.raises(BuildFailure, match="killed after writing more than 100000 bytes of log output"):
        build(store, drv_path, max_log_size=100_000)
    assert scratch(store) == []


def test_a_request_to_stop_ends_a_build(store):
    drv_path, _ = derivation(store, "sleep 100")
    begun = time.monotonic()
    store.must_stop = lambda: time.monotonic() > begun + 0.5
    with pytest.raises(Stopped):
        build(store, drv_path)
    assert time.monotonic() < begun + 30
    assert scratch(store) == []


def test_several_builds_run_at_once(store):
    """Each build waits for the other, so they must run together."""
    folder = Path(store.root, "meeting")
    folder.mkdir()
    script = "touch /meeting/{}; while ! test -e /meeting/{}; do sleep 0.05; done; echo > $out"
    first, _ = derivation(store, script.format("a", "b"), "a")
    second, _ = derivation(store, script.format("b", "a"), "b")
    options = BuildOptions(max_jobs=2, sandbox_paths=MACHINE | {"/meeting": (str(folder), False)}, timeout_s=60)
    store.flush()
    # Paths that the settings bring into a sandbox are read-only.
    with pytest.raises(BuildFailure):
        Realiser(options).realise(store, [f"{first}!out", f"{second}!out"])
    third, _ = derivation(store, "sleep 1; echo > $out", "c")
    fourth, _ = derivation(store, "sleep 1; echo > $out", "d")
    lines: list[str] = []
    begun = time.monotonic()
    store.flush()
    Realiser(BuildOptions(max_jobs=2, sandbox_paths=MACHINE, on_message=lambda text, _: lines.append(text))).realise(store, [f"{third}!out", f"{fourth}!out"])
    assert len(lines) == 2 and time.monotonic() - begun < 60


def test_two_processes_build_once(store, tmp_path):
    """The second process waits, and finds the output made."""
    drv_path, out = derivation(store, "sleep 1; date +%N > $out")
    store.flush()
    script = (
        "import sys; from snowsnake.store.local import LocalStore; from snowsnake.build.realisation import Realiser;"
        "from snowsnake.build.options import BuildOptions\n"
        f"with LocalStore({store.root!r}, durable=False) as store:\n"
        f"    Realiser(BuildOptions(sandbox_paths={MACHINE!r}, on_message=lambda text, _: print(text))).realise(store, ['{drv_path}!out'])\n"
        f"    print(store.read({out!r}))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in running]
    assert len({lines[-1] for lines in said}) == 1
    assert sum(line.startswith("building") for lines in said for line in lines) == 1


def test_a_killed_process_leaves_no_builder(store, tmp_path):
    """After kill -9, the builders end with their process, every valid object is whole, and the next process builds."""
    mark = f"sleep {400 + os.getpid() % 100}.75"
    drv_path, out = derivation(store, f"echo half > $out; test -n \"$slow\" && {mark}; echo whole >> $out", slow="1")
    store.flush()
    script = (
        "from snowsnake.store.local import LocalStore; from snowsnake.build.realisation import Realiser;"
        "from snowsnake.build.options import BuildOptions\n"
        f"with LocalStore({store.root!r}, durable=False) as store:\n"
        f"    Realiser(BuildOptions(sandbox_paths={MACHINE!r})).realise(store, ['{drv_path}!out'])"
    )

    def is_running() -> bool:
        return mark in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.replace("sh -c", "")

    process = subprocess.Popen([sys.executable, "-c", script])
    wait_for(is_running)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not is_running())
    assert not store.has_now(out)
    assert store.verify() == []


def wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not come about")


def test_references_are_found_in_contents_names_and_links(tmp_path):
    """References are found in contents, in names and in targets of links; a text that merely looks alike is not a reference."""
    paths = [f"/nix/store/{digit * 32}-{digit}" for digit in "0123"]
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(b"x" * 65530 + paths[0].encode() + b"z")
    (tree / ("1" * 32)).write_text("")
    (tree / "link").symlink_to(paths[2])
    (tree / "other").write_text("3" * 31)
    digest, size, references = scan(str(tree), paths, str(tmp_path / "archive"))
    assert references == set(paths[:3])
    assert len(digest) == 32 and size > 65536


def test_extended_attributes_are_taken_away(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    try:
        os.setxattr(file, "user.note", b"x")
    except OSError:
        pytest.skip("no extended attributes here")
    make_canonical(str(file))
    assert os.listxattr(file) == []


def test_the_filter_of_system_calls_is_well_formed():
    """The filter consists of instructions of 8 bytes, and every jump ends inside."""
    code = program()
    count = len(code) // 8
    assert len(code) % 8 == 0
    for number in range(count - 1):
        if_true, if_false = code[8 * number + 2], code[8 * number + 3]
        assert number + 1 + max(if_true, if_false) < count


# --- building again


def test_what_is_valid_is_built_again_and_compared(store):
    same, _ = derivation(store, "echo x > $out", "same")
    differs, path = derivation(store, "cat /proc/sys/kernel/random/uuid > $out", "differs")
    store.flush()
    realiser = Realiser(BuildOptions(sandbox_paths=MACHINE, keep_failed=True))
    with pytest.raises(BuildFailure, match="some outputs of .* are not valid, so checking is not possible"):
        realiser.check(store, [f"{same}!out"])
    realiser.realise(store, [f"{same}!out", f"{differs}!out"])
    realiser.check(store, [f"{same}!out"])
    before = store.known(path).nar_hash
    with pytest.raises(BuildFailure, match="may not be deterministic: output .* differs from") as caught:
        realiser.check(store, [f"{differs}!out"])
    assert caught.value.exit_code == 104
    assert os.path.exists(store.real_path(path) + ".check") and store.known(path).nar_hash == before and not store.verify()


def test_one_output_is_compared_without_the_others(store):
    drv = Derivation("two", "x86_64-linux", "/bin/sh", ["-c", "echo a > $out; cat /proc/sys/kernel/random/uuid > $dev"], env={"PATH": "/bin:/usr/bin"})
    drv.outputs = {"out": DerivationOutput(), "dev": DerivationOutput()}
    path = drv.finish(DerivationMemory(store.store_dir))
    store.add_derivation(drv.to_aterm(), path, path)
    store.flush()
    realiser = Realiser(BuildOptions(sandbox_paths=MACHINE))
    realiser.realise(store, [f"{path}!*"])
    with pytest.raises(BuildFailure, match="may not be deterministic"):
        realiser.check(store, [f"{path}!*"])
    store.remove(drv.outputs["dev"].path)
    realiser.check(store, [f"{path}!out"])
    assert not store.has_now(drv.outputs["dev"].path)
    with pytest.raises(BuildFailure, match="checking is not possible"):
        realiser.check(store, [f"{path}!*"])


def test_a_hook_runs_after_each_build(store, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho for $DRV_PATH\necho \"$OUT_PATHS\" >> {tmp_path}/seen\n[ ! -e {tmp_path}/fails ]\n")
    hook.chmod(0o755)
    drv_path, out = derivation(store, "echo > $out")
    assert build(store, drv_path, post_build_hook=str(hook))[-1] == f"post-build-hook: for {drv_path}"
    assert (tmp_path / "seen").read_text() == out + "\n"
    (tmp_path / "fails").touch()
    other, path = derivation(store, "echo > $out", "other")
    with pytest.raises(BuildFailure, match=r"program '.*/hook' failed with exit code 1"):
        build(store, other, post_build_hook=str(hook))
    # The output was built, and stays, as in C++ Nix.
    assert store.has_now(path)


def test_long_lines_of_hooks_and_external_builders_are_read(store, tmp_path):
    """A hook and an external builder may print lines of any length, which arrive in pieces."""
    size = 24 << 20
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho short\nhead -c {size} /dev/zero | tr '\\0' x\necho\nprintf rest\n")
    hook.chmod(0o755)
    said = build(store, derivation(store, "echo > $out")[0], post_build_hook=str(hook))
    assert [len(line) - len("post-build-hook: ") for line in said[-3:]] == [5, size, 4]
    greeting = Greeting("/nix/store/x.drv")
    for _ in range(size >> 12):
        assert greeting.rest(bytes(1 << 12).replace(b"\0", b"x")) == b""
    assert greeting.rest(b"\nsecond\n\2 on") == b"" and not greeting.is_over
    assert greeting.rest(b"\nlog\nmore") == b"log\nmore" and greeting.is_over
    assert f"previous messages: {'x' * size}|second" in greeting.fault(1).trace[0]


def test_a_wrong_fixed_output_is_kept_under_its_own_path(store):
    def fixed(digest):
        drv = Derivation("x", "x86_64-linux", "/bin/sh", ["-c", "echo hi > $out"], env={"PATH": "/bin"})
        drv.outputs = {"out": DerivationOutput("", "fixed", "flat", "sha256", Hash("sha256", bytes.fromhex(digest)))}
        path = drv.finish(DerivationMemory(store.store_dir))
        assert store.add_derivation(drv.to_aterm(), path, path) == path
        return path, drv.outputs["out"].path

    wrong, _ = fixed("0" * 64)
    right, out = fixed("98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4")
    with pytest.raises(BuildFailure, match="hash mismatch"):
        build(store, wrong)
    assert store.has_now(out)
    assert build(store, right) == []


def fixed_output(store: LocalStore, script: str, digest: str, **env: str) -> tuple[str, str]:
    """As `derivation`, with an output whose bytes have this SHA-256."""
    drv = Derivation("x", "x86_64-linux", "/bin/sh", ["-c", script], env={"PATH": "/bin:/usr/bin", **env})
    drv.outputs = {"out": DerivationOutput("", "fixed", "flat", "sha256", Hash("sha256", bytes.fromhex(digest)))}
    path = drv.finish(DerivationMemory(store.store_dir))
    assert store.add_derivation(drv.to_aterm(), path, path) == path
    return path, drv.outputs["out"].path


def test_two_derivations_with_one_fixed_output_build_it_once(store):
    """One build waits for the other in the same process, which holds the lock already."""
    digest = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4"
    pair = [fixed_output(store, f"sleep 0.3; : {number}; echo hi > $out", digest)[0] for number in range(2)]
    assert pair[0] != pair[1]
    lines = build(store, *pair, max_jobs=2)
    assert [line for line in lines if line.startswith("building")] == [f"building '{lines[0].split(chr(39))[1]}'..."]
    assert any(line.startswith("waiting for lock on '") for line in lines)


def test_who_waits_for_a_lock_lets_others_go_on(store):
    """Otherwise two processes that hold one lock each, and want the other's, would wait for ever."""
    import fcntl

    locked, wanted = derivation(store, "echo > $out", "a-first")
    free, made = derivation(store, "echo > $out", "b-second")
    holder = os.open(store.real_path(wanted) + ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    deadline = time.monotonic() + 30

    def look() -> bool:
        if store.has_now(made) and store.real_path(wanted) + ".lock" in map(str, Path(store.objects).iterdir()):
            fcntl.flock(holder, fcntl.LOCK_UN)
        return time.monotonic() > deadline

    store.must_stop = look
    lines = build(store, locked, free, max_jobs=2)
    os.close(holder)
    assert lines == [
        f"waiting for lock on '{store.real_path(wanted)}'...", f"building '{free}'...", f"building '{locked}'...",
    ]  # fmt: skip
    assert store.has_now(wanted)


def test_a_check_outside_of_a_sandbox_leaves_nothing(tmp_path):
    folder = tmp_path / "store"
    with LocalStore(tmp_path, str(folder), real=str(folder), state=str(tmp_path / "state"), durable=False) as store:
        path, out = derivation(store, "echo x > $out")
        store.flush()
        realiser = Realiser(BuildOptions(sandbox="false"))
        realiser.realise(store, [f"{path}!out"])
        realiser.check(store, [f"{path}!out"])
        realiser.repair(store, [f"{path}!out"])
        assert sorted(file.name for file in folder.iterdir() if file.name[0] != ".") == sorted((path.rpartition("/")[2], out.rpartition("/")[2]))


def test_a_damaged_object_is_fetched_again(store, tmp_path):
    """The object comes from a store that has it, and nothing is built."""
    from snowsnake.build.substitution import Policy, Substituters

    drv_path, out = derivation(store, "echo good > $out")
    build(store, drv_path)
    with LocalStore(tmp_path / "other", durable=False) as other:
        other.import_object(store.known(out), archive(store, out))
        other.flush()
        place = Path(store.real_path(out))
        place.chmod(0o644)
        place.write_text("bad")
        lines: list[str] = []
        substituters = Substituters(lambda: [other], Policy(requires_signatures=False))
        Realiser(BuildOptions(on_message=lambda text, is_log: lines.append(text), on_fault=lines.append), substituters).repair(store, [f"{drv_path}!out"])
    assert place.read_text() == "good\n" and store.verify() == []
    assert lines == [f"path '{out}' is corrupted or missing!"]


def archive(store: LocalStore, path: str):
    import io

    from snowsnake.store import nar

    return io.BytesIO(nar.pack(store.real_path(path)))


def test_logs_are_kept_as_they_are_asked_for(store, tmp_path):
    drv_path, _ = derivation(store, "echo hello; echo > $out")
    build(store, drv_path, log_folder=str(tmp_path / "log"), compresses_logs=False)
    base = os.path.basename(drv_path)
    assert (tmp_path / "log/drvs" / base[:2] / base[2:]).read_text() == "hello\n"


def test_a_hook_finds_what_was_built(tmp_path):
    """The hook also finds the path of an output that had none before, and may copy it."""
    folder = str(tmp_path / "store")
    hook = tmp_path / "hook"
    hook.write_text(f"#!{sys.executable}\nimport os, sqlite3\ndatabase = sqlite3.connect('{tmp_path}/state/db/db.sqlite')\n"
                    "print(database.execute('select count(*) from Realisations').fetchone()[0], os.environ['OUT_PATHS'] != '')\n")  # fmt: skip
    hook.chmod(0o755)
    lines: list[str] = []
    options = BuildOptions(
        sandbox="false", knows_realisations=True, post_build_hook=str(hook), on_message=lambda text, is_log: lines.append(text)
    )
    with LocalStore(tmp_path, folder, real=folder, state=str(tmp_path / "state"), durable=False) as store:
        drv = Derivation("x", "x86_64-linux", "/bin/sh", ["-c", "echo > $out"], store_dir=folder)
        drv.outputs = {"out": DerivationOutput("", "floating", "nar", "sha256")}
        path = drv.finish(DerivationMemory(folder))
        store.add_derivation(drv.to_aterm(), path, path)
        store.flush()
        Realiser(options).realise(store, [f"{path}!out"])
        assert lines[-1] == "post-build-hook: 1 True"


def test_programs_that_follow_are_told_how_much_there_is_to_do(store):
    """The numbers that `nix build --log-format internal-json` of 2.34.8 ends with, too: done, expected, running, failed."""
    first, out = derivation(store, "echo first", name="first")
    events = []
    with pytest.raises(BuildFailure):
        build(store, first, *(derivation(store, f"echo > $out # {number}", name=f"x{number}")[0] for number in range(3)), keep_going=True,
              follows_events=True, on_event=lambda facts, text, is_log: events.append(facts))  # fmt: skip
    started = {facts["type"]: facts["id"] for facts in events if facts["action"] == "start"}
    assert [facts["type"] for facts in events if facts["action"] == "start"][:3] == [102, 104, 103]
    told = [facts["fields"] for facts in events if facts["action"] == "result" and facts["id"] == started[104]]
    assert told[0] == [0, 0, 0, 0] and told[-1] == [3, 4, 0, 1] and max(running for _, _, running, _ in told) == 1
    assert [facts["id"] for facts in events if facts["action"] == "stop"][-3:] == [started[103], started[104], started[102]]
    assert store.has_now(out) is False


def test_a_file_may_have_several_names(store):
    drv_path, out = derivation(store, "mkdir $out; echo x > $out/a; ln $out/a $out/b; ln -s a $out/c; ln $out/c $out/d")
    build(store, drv_path)
    assert {name: store.read(f"{out}/{name}") for name in "ab"} == {"a": b"x\n", "b": b"x\n"} and store.verify() == []
    assert {os.lstat(store.real_path(f"{out}/{name}")).st_uid for name in "abcd"} == {os.geteuid()}


def test_a_sandbox_that_cannot_be_made_is_refused(store):
    """The refusal has 2.34.8's words, and comes before anything is started."""
    drv_path, _ = derivation(store, "echo > $out")
    with pytest.raises(BuildFailure, match='getting attributes of path "/no-such-path": No such file or directory'):
        Realiser(BuildOptions(sandbox_paths=MACHINE | {"/x": ("/no-such-path", False)}, sandbox_fallback=False)).realise(store, [f"{drv_path}!out"])
    with pytest.raises(BuildFailure, match="`sandbox-build-dir` must not contain the storeDir"):
        build(store, drv_path, sandbox_build_dir="/nix")
    build(store, drv_path)


def test_logs_keep_bytes_that_are_not_utf8(store):
    """People see the bytes of a log as they are; JSON has a replacement character for bytes that are not UTF-8."""
    drv_path, _ = derivation(store, "printf '\\377\\n' >&2; echo > $out")
    assert build(store, drv_path)[1:] == ["\udcff"]
    assert event_line({"fields": ["\udcff"]}) == '@nix {"fields":["\ufffd"]}'


def test_a_failure_reaches_the_end_of_a_long_chain(store):
    """Each derivation that needs the failed one says what it lacks; Python's stack is shorter than the chain."""
    path, _ = derivation(store, "exit 3", "0")
    chain, memory = [path], DerivationMemory(store.store_dir, store.read)
    for number in range(1, 1200):
        drv = Derivation(str(number), "x86_64-linux", "/bin/sh", ["-c", "exit 0"], store_dir=store.store_dir)
        drv.input_drvs = {chain[-1]: ["out"]}
        drv.outputs = {"out": DerivationOutput()}
        chain.append(drv.finish(memory))
        store.add_derivation(drv.to_aterm(), chain[-1], chain[-1])
    failures: list[BuildFailure] = []
    with pytest.raises(BuildFailure, match="1 dependency failed"):
        build(store, chain[-1], on_failure=failures.append)
    assert [failure.drv_path for failure in failures] == chain[:-1]


def test_a_line_without_end_costs_time_in_proportion_to_its_length():
    """A builder can send gigabytes without a newline: they arrive in pieces of 4 KiB, and are not kept in memory."""
    lines: list[str] = []
    log = BuildLog("x.drv", None, 3, lines.append)
    for _ in range(1 << 14):
        log.write(b"x" * (1 << 12))
    assert len(lines) == 3 and max(map(len, lines)) <= (16 << 20) + (1 << 12)
    log.write(b"\n")
    log.close()
    assert sum(map(len, lines)) == 1 << 26


def test_outputs_refer_to_each_other_in_a_long_chain(store):
    """The order in which outputs become valid is found without recursion."""
    names = [f"o{number:04}" for number in range(1100)]
    script = 'before=; for o in $outputs; do eval "place=\\$$o"; echo "$before" > $place; before=$place; done'
    drv = Derivation("x", "x86_64-linux", "/bin/sh", ["-c", script], env={"PATH": "/bin:/usr/bin", "outputs": " ".join(names)}, store_dir=store.store_dir)
    drv.outputs = {name: DerivationOutput() for name in names}
    path = drv.finish(DerivationMemory(store.store_dir))
    store.add_derivation(drv.to_aterm(), path, path)
    store.flush()
    Realiser(BuildOptions(sandbox_paths=MACHINE, sandbox_fallback=False)).realise(store, [f"{path}!*"])
    assert store.info(drv.outputs[names[-1]].path).references == [drv.outputs[names[-2]].path]


@pytest.mark.parametrize("packed", [b"\xfd7zXZ\0 damaged", lzma.compress(b"cut off")[:-8]])
def test_a_download_that_cannot_be_decompressed_is_a_failure_of_its_build(store, tmp_path, packed):
    (tmp_path / "packed").write_bytes(packed)
    env = {"url": "file:///packed", "unpack": "1"}
    drv = Derivation("x", "builtin", "builtin:fetchurl", env=env, store_dir=store.store_dir)
    drv.outputs = {"out": DerivationOutput(kind="fixed", method="nar", algorithm="sha256", hash=Hash("sha256", bytes(32)))}
    path = drv.finish(DerivationMemory(store.store_dir))
    store.add_derivation(drv.to_aterm(), path, path)
    with pytest.raises(BuildFailure, match="unable to decompress 'file:///packed'"):
        build(store, path, fetch=lambda url, folder: str(tmp_path / "packed"))
    assert scratch(store) == []


def children() -> set[str]:
    """The children of this process, including those that have ended and were not waited for."""
    return {child for task in os.listdir("/proc/self/task") for child in Path(f"/proc/self/task/{task}/children").read_text().split()}


@pytest.mark.parametrize("fails", ["fork", "socketpair", "pipe", "map_users"])
def test_a_builder_that_cannot_be_started_leaves_no_descriptor_and_no_process(monkeypatch, fails):
    def failing(*_: object) -> None:
        raise OSError(11, "no room")

    owner, name = {"fork": (os, "fork"), "socketpair": (socket, "socketpair"), "pipe": (os, "pipe"), "map_users": (process, "map_users")}[fails]
    monkeypatch.setattr(owner, name, failing)
    monkeypatch.setattr(process, "_become_builder", lambda *words: words[7].send(b"n") and time.sleep(60))
    before = set(os.listdir("/proc/self/fd")), children()
    with pytest.raises(OSError, match="no room"):
        process.start("/bin/sh", [], {}, "/", Sandbox("", "", {}, "", "", user=1))
    assert (set(os.listdir("/proc/self/fd")), children()) == before


def test_a_watcher_that_could_not_be_started_is_started_by_the_next_builder(monkeypatch):
    watcher = Watcher()
    with monkeypatch.context() as patched, pytest.raises(BlockingIOError):
        patched.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError(11, "no room")))
        watcher.fd()
    assert watcher.fd() >= 0 and watcher._pid > 0
    os.kill(watcher._pid, signal.SIGKILL)
    time.sleep(0.1)
    # Nobody reads it any more.
    watcher.forget(1)
    watcher.close()
