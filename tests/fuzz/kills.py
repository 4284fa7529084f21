"""kill -9 at random moments while something is built or substituted: nothing half-valid, no process left, and the next command succeeds.

    python tests/fuzz/kills.py --count 200 [--seed 1] [--kind sandbox|plain|substitute] [--reference DIR]

In: stores in a temporary folder, commands in a process group of their own.  Half of the kills hit the whole group, half the command alone.
Out: finds, one a line; exit code 1 if there are any.  After each kill, our `verify` looks at the store, and so does `--verify --check-contents` of the nix-store
in the folder of --reference; then the same command runs to its end.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from served_folder import served

from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.removal import remove

SOURCE = str(Path(__file__).resolve().parents[2] / "src")
KINDS = ("sandbox", "plain", "substitute")
_OBJECTS = 60
# Seconds after which the processes must have ended; otherwise they hang.
_END_S = 20.0
_COMMAND_S = 120.0
# Builders that write files before and after a pause, keep a file open or leave a long process running; outputs of every kind.
_EXPRESSION = """
{ salt, mark, count ? 6 }:
let
  make = n: derivation ({
    name = "killed-${toString n}"; inherit salt; PATH = "/bin:/usr/bin"; SNOWSNAKE_KILLED = mark; system = builtins.currentSystem; builder = "/bin/sh";
    outputs = [ "out" "dev" ];
    args = [ "-c" ''
      sleep 300 < /dev/null > /dev/null 2>&1 &
      mkdir $out $dev; exec 3> $out/open
      i=0; while test $i -lt 40; do echo $i ${if n > 2 then "${make (n - 2)}" else ""} > $out/$i; i=$((i + 1)); done
      sleep 0.0${toString (n + 1)}; echo $dev >&3; echo ${toString n} > $dev/end
    '' ];
  } // (if n == 1 then { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } else { }));
in builtins.genList (n: make (n + 1)) count
"""


class World:
    """A store and a command that fills it."""

    def __init__(self, kind: str, folder: Path, reference: str | None) -> None:
        self.kind = kind
        self.folder = folder
        self.reference = reference
        self.mark = f"{os.getpid()}-{os.urandom(6).hex()}"
        self.root = folder / "root"
        self.cache = folder / "cache"
        self.wanted: list[str] = []
        self.url = ""
        self._server = None
        if kind == "substitute":
            self._fill_cache()
            self._server = served(self.cache)
            self.url = self._server.__enter__()

    def close(self) -> None:
        if self._server is not None:
            self._server.__exit__(None, None, None)

    def _fill_cache(self) -> None:
        options = CacheOptions("none")
        cache = BinaryCacheStore(FolderFiles(str(self.cache)), "file:///", options=options, is_writable=True)
        with LocalStore(self.folder / "source", durable=False) as source:
            paths: list[str] = []
            for number in range(_OBJECTS):
                needed = paths[-4:-3]
                paths.append(source.add_text(f"object-{number}", f"{number} {needed}".encode() + os.urandom(2000), needed))
            for path in paths:
                with archive_of(source, path) as archive:
                    cache.import_object(source.known(path), archive)
        self.wanted = paths[-4:]

    def environment(self) -> dict[str, str]:
        lines = [
            f"sandbox = {'true' if self.kind == 'sandbox' else 'false'}", "sandbox-fallback = false", "build-users-group =", "max-jobs = 3",
            "experimental-features = nix-command ca-derivations", f"substituters = {self.url}", "require-sigs = false",
            "sandbox-paths = /bin /usr /lib /lib64?", "build-hook =",
        ]  # fmt: skip
        found = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8", "NIX_CONFIG": "\n".join(lines)}
        found |= {"PYTHONPATH": os.pathsep.join([SOURCE, *sys.path]), "SNOWSNAKE_KILLED": self.mark, "NIX_CONF_DIR": str(self.folder)}
        # Processes of a checked build need its libraries.
        if "LD_PRELOAD" in os.environ:
            found |= {name: os.environ[name] for name in ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return found | self._places()

    def _places(self) -> dict[str, str]:
        if self.kind != "plain":
            return {}
        return {"NIX_STORE_DIR": f"{self.root}/store", "NIX_STATE_DIR": f"{self.root}/state", "NIX_LOG_DIR": f"{self.root}/log"}

    def command(self, salt: str) -> list[str]:
        python = [sys.executable, "-m"]
        if self.kind == "substitute":
            return [*python, "snowsnake.cli.old.store", "--store", str(self.root), "--realise", *self.wanted]
        where = ["--store", str(self.root)] if self.kind == "sandbox" else []
        words = ["-E", _EXPRESSION, "--argstr", "salt", salt, "--argstr", "mark", self.mark, "--no-out-link", "-Q"]
        return [*python, "snowsnake.cli.old.build", *where, *words]

    def start(self, salt: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(salt), env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def complete(self, salt: str) -> str:
        """Runs the command to its end; returns what is wrong."""
        process = self.start(salt)
        try:
            _, said = process.communicate(timeout=_COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"it hangs: {process.communicate()[1].decode()[-500:]}"
        return f"it fails: {said.decode('utf-8', 'replace')[:1500]}" if process.returncode else ""

    def faults(self) -> list[str]:
        """What our verification and the reference's find."""
        database = self.root / ("state/db/db.sqlite" if self.kind == "plain" else "nix/var/nix/db/db.sqlite")
        if not (database.parent / "schema").exists():
            return []
        found = []
        with self.open() as store:
            found += store.verify()
            valid = set(store.paths())
            found += [f"'{path}' lacks something" for path in valid if not set(store.known(path).references) <= valid]
            scratch = Path(store._scratch.folder)
            left = [path.name for path in scratch.parent.iterdir() if path != scratch]
            found += [f"temporary folder '{name}' is left" for name in left]
        if self.reference is not None:
            where = [] if self.kind == "plain" else ["--store", str(self.root)]
            done = subprocess.run(
                [f"{self.reference}/nix-store", *where, "--verify", "--check-contents"], env=self.environment(), capture_output=True, text=True, timeout=_COMMAND_S
            )
            said = [line for line in done.stderr.splitlines() if not line.startswith(("reading the Nix store", "checking "))]
            if done.returncode or said:
                found.append(f"C++ Nix: {done.returncode} {said}")
        return found

    def open(self) -> LocalStore:
        if self.kind == "plain":
            return LocalStore(self.root, f"{self.root}/store", real=f"{self.root}/store", state=f"{self.root}/state", durable=False)
        return LocalStore(self.root, durable=False)

    def left_processes(self) -> list[str]:
        """What still runs of the command or of its builders, after a while."""
        end = time.monotonic() + _END_S
        while (found := marked_processes(self.mark)) and time.monotonic() < end:
            time.sleep(0.02)
        return found

    def clear(self) -> None:
        if self.root.exists():
            remove(str(self.root))


def marked_processes(mark: str) -> list[str]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if f"SNOWSNAKE_KILLED={mark}".encode() in Path(entry.path, "environ").read_bytes():
                    found.append(f"{entry.name} {Path(entry.path, 'cmdline').read_bytes().replace(bytes(1), b' ').decode('utf-8', 'replace')[:100]}")
            except OSError:
                continue
    return found


def run(kind: str, count: int, seed: int, reference: str | None, folder: Path) -> list[str]:
    """Finds of *count* kills."""
    world = World(kind, folder, reference)
    chance = random.Random(f"{kind} {seed}")
    finds: list[str] = []
    try:
        begin = time.monotonic()
        if fault := world.complete("first"):
            return [f"{kind}: without a kill {fault}"]
        usual_s = time.monotonic() - begin
        for number in range(count):
            salt = f"{seed}-{number}"
            if kind == "substitute":
                world.clear()
            pause_s = chance.uniform(0.0, 1.05 * usual_s)
            whole = chance.random() < 0.5
            process = world.start(salt)
            time.sleep(pause_s)
            (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
            process.communicate()
            what = f"{kind} {salt}, {'group' if whole else 'command'} killed after {pause_s:.3f} s"
            if left := world.left_processes():
                finds.append(f"{what}: still runs: {left}")
                for line in left:
                    os.kill(int(line.split()[0]), signal.SIGKILL)
            finds += [f"{what}: {fault}" for fault in world.faults()]
            if fault := world.complete(salt):
                finds.append(f"{what}: then {fault}")
            finds += [f"{what}, then completed: {fault}" for fault in world.faults()]
    finally:
        world.close()
    return finds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--reference", metavar="DIR")
    given = parser.parse_args()
    is_clean = True
    for kind in given.kind or KINDS:
        with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as folder:
            begin = time.monotonic()
            finds = run(kind, given.count, given.seed, given.reference, Path(folder))
            print(*finds, f"{kind}: {given.count} kills, {len(finds)} finds, {time.monotonic() - begin:.0f} s", sep="\n", flush=True)
            is_clean = is_clean and not finds
            remove(folder)
            os.mkdir(folder)
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
