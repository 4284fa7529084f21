"""Random command lines in odd surroundings: variables, folders, streams, limits.

usage: python tests/fuzz/environments.py [COUNT] [SEED] [--reference FOLDER]     (1 000 by default)

In: the lines of command_lines.py, each in a process of its own.  Out: the lines that end in a traceback, a fault or a signal, and exit code 1 if there are any.
With a folder of C++ Nix's commands, exit status and last `error:` line are compared, and what differs is printed.
"""

import argparse
import os
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "differential")]

from call_world import make_world  # noqa: E402  # type: ignore[import-not-found]
from command_lines import PROGRAMS  # noqa: E402

NAMES = {"nix.main": "nix", "old.env": "nix-env", "old.store": "nix-store", "old.hash": "nix-hash", "old.shell": "nix-shell", "instantiate": "nix-instantiate"}
PLACES = ("", "relative", "/proc/nonexistent/below", "/dev/null", "/proc/nowhere", "FOLDER/value.nix", "FOLDER/made", "é", "a\nb", "\udcff")
VARIABLES: dict[str, tuple[str | None, ...]] = {
    "HOME": (None, *PLACES), "XDG_CACHE_HOME": (None, *PLACES), "XDG_CONFIG_HOME": PLACES, "XDG_STATE_HOME": PLACES, "XDG_DATA_HOME": PLACES,
    "XDG_CONFIG_DIRS": (":", "a:b", *PLACES), "TMPDIR": PLACES, "PATH": (None, "", "/proc/nonexistent", "relative"),
    "LANG": ("", "C", "xx_XX.UTF-8", "tr_TR.UTF-8", "\udcff", "en_US.ISO-8859-1"), "LC_ALL": ("", "C", "POSIX", "xx", "C.UTF-8"),
    "TERM": (None, "", "dumb", "xterm", "\udcff"), "COLUMNS": ("0", "-1", "x", "99999999999"), "NO_COLOR": ("", "1"),
    "NIX_CONFIG": ("x", "= 1", "cores = a", "include nowhere", "!include nowhere", "experimental-features = \udcff", "sandbox", "a\0b".replace("\0", "\t"), "#"),
    "NIX_PATH": ("", ":", "=", "a=", "nixpkgs=/proc/nonexistent", "a=b=c", "https://x", "flake:x", "\udcff"), "NIX_STORE_DIR": ("relative", "/", "", "FOLDER/st"),
    "NIX_STATE_DIR": PLACES, "NIX_CONF_DIR": PLACES, "NIX_LOG_DIR": PLACES, "NIX_USER_CONF_FILES": (":", "nowhere", "/dev/null:/", "FOLDER/value.nix"),
    "NIX_REMOTE": ("", "auto", "daemon", "x", "local?root=FOLDER/root", "dummy://", "unix:///proc/nonexistent", "file:///proc/nonexistent", "?"),
    "NIX_SHOW_STATS": ("", "1"), "NIX_SHOW_STATS_PATH": ("/proc/nonexistent/x", "/dev/full"), "EDITOR": ("", "/proc/nonexistent", "a b"), "PAGER": ("", "/proc/nonexistent"),
    "NIX_GET_COMPLETIONS": ("", "x", "-1", "99", "1"), "USER": (None, "", "\udcff"), "PWD": (None, "/proc/nonexistent", "relative"),
}  # fmt: skip
LIMITS = ((resource.RLIMIT_NOFILE, 24), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_FSIZE, 4096), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NPROC, 1))


class Surroundings:
    """How a command is started; every program that is started in the same surroundings has the same choices."""

    def __init__(self, choose: random.Random) -> None:
        self.variables = {name: choose.choice(VARIABLES[name]) for name in choose.sample(sorted(VARIABLES), choose.choice((0, 1, 1, 2, 3)))}
        self.streams = [choose.choice((None, None, None, None, None, "closed", "/dev/full", "/dev/null")) if choose.random() < 0.4 else None for _ in range(3)]
        if self.streams[0] == "/dev/full":
            # Reading from /dev/full never ends.
            self.streams[0] = "/dev/null"
        self.folder = choose.choice(("here", "here", "here", "deleted", "/", "/proc/self"))
        self.limit = choose.choice(LIMITS) if choose.random() < 0.15 else None

    def __str__(self) -> str:
        return f"{self.variables} streams={self.streams} folder={self.folder} limit={self.limit}"

    def environment(self, folder: str) -> dict[str, str]:
        found = {
            "HOME": f"{folder}/.home", "PATH": "/usr/bin:/bin", "NIX_PATH": "", "NIX_STORE_DIR": "/nix/store", "NIX_STATE_DIR": "/proc/nonexistent/state",
            "NIX_CONF_DIR": "/proc/nonexistent", "NIX_REMOTE": f"local?root={folder}/.home/root", "NO_COLOR": "1", "EDITOR": "echo", "TERM": "dumb",
            "NIX_CONFIG": "extra-experimental-features = nix-command flakes\nsystem = x86_64-linux\nflake-registry =\nsubstitute = false\n",
        }  # fmt: skip
        for name, value in self.variables.items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = (found["NIX_CONFIG"] if name == "NIX_CONFIG" else "") + value.replace("FOLDER", folder)
        return found

    def prepare(self, folder: str) -> Callable[[], None]:
        gone = os.path.join(folder, "gone")

        def apply() -> None:
            if self.folder == "deleted":
                os.makedirs(gone, exist_ok=True)
                os.chdir(gone)
                os.rmdir(gone)
            elif self.folder != "here":
                os.chdir(self.folder)
            for number, stream in enumerate(self.streams):
                if stream == "closed":
                    os.close(number)
                elif stream is not None:
                    fd = os.open(stream, os.O_RDONLY if number == 0 else os.O_WRONLY)
                    os.dup2(fd, number)
                    os.close(fd)
            if self.limit is not None:
                resource.setrlimit(self.limit[0], (self.limit[1], self.limit[1]))

        return apply


def run(program: str, words: list[str], around: Surroundings) -> tuple[int, str]:
    """Exit status and standard error of a command in a fresh folder."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        # The path of the folder always has the same length.
        folder = os.path.join(top, "world")
        os.makedirs(os.path.join(folder, ".home"))
        make_world(Path(folder))
        try:
            done = subprocess.run(
                [program, *words], cwd=folder, env=around.environment(folder), input=b"1 + 1", capture_output=True,
                preexec_fn=around.prepare(folder), timeout=60, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124, "timeout"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        said = done.stderr.decode("utf-8", "replace").replace(top, "/top")
        return done.returncode, re.sub(r"/proc/\d+/", "/proc/self/", said)


def last_error(said: str) -> str:
    lines = [line.strip() for line in said.split("\n") if re.match(r"\s*error:", line)]
    return lines[-1] if lines else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--reference", type=Path)
    given = parser.parse_args()
    bad = different = agreed = died = 0
    with tempfile.TemporaryDirectory(dir="/tmp") as links:
        subprocess.run([Path(sys.executable).with_name("snowsnake"), "links", links], check=True, stdout=subprocess.DEVNULL)
        for number in range(given.count):
            choose = random.Random(given.seed * 1_000_000 + number)
            module = choose.choice((*NAMES, "nix.main", "nix.main", "nix.main"))
            words = [word.replace("\0", "") for word in PROGRAMS[module](choose)]
            around = Surroundings(choose)
            if "develop" in words or "shell" in words and "nix.main" == module:
                # These lines need other programs.
                continue
            code, said = run(os.path.join(links, NAMES[module]), words, around)
            line = f"{number}: {NAMES[module]} {shlex.join(words)!r} {around}"
            if code < 0 or code == 124 or "Traceback (most" in said or "fault of the evaluator" in said or "Fatal Python" in said or "Exception ignored" in said:
                bad += 1
                print(f"BAD {line}\n    {code} {said[-1200:]}", flush=True)
            elif given.reference is not None:
                expected, theirs = run(str(given.reference / NAMES[module]), words, around)
                if expected < 0:
                    # A command that died has no answer that could be compared.
                    died += 1
                elif (code, last_error(said)) == (expected, last_error(theirs)):
                    agreed += 1
                else:
                    different += 1
                    print(f"DIFFERENT {line}\n    2.34: {expected} {last_error(theirs)}\n    ours: {code} {last_error(said)}", flush=True)
    print(f"{given.count} lines, {bad} bad" + (f", {agreed} agree, {different} differ, {died} times C++ Nix died" if given.reference else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
