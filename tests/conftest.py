"""Options, surroundings and shared fixtures of all tests: the only `conftest.py`, because tests import it by that name.

`--accept` rewrites golden files.  `--reference COMMAND` also runs the language tests through an evaluator with the
command line of nix-instantiate.  `--kills 100` kills writers of a store that often.  SNOWSNAKE_STRESS=1 collects garbage at most safepoints.
"""

import atexit
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import snowsnake

# A shell without job control starts what it puts into the background with Ctrl-C ignored, and programs pass that on: tests send it to theirs.
if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
    signal.signal(signal.SIGINT, signal.default_int_handler)
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(snowsnake.__file__)))
# The folder of the installed commands.
INSTALLED = Path(sys.executable).parent
# No test has a time limit: the machine may be busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# Nothing of the machine's own Nix may decide what a test sees.
for name in [name for name in os.environ if name.startswith(("NIX_", "XDG_", "SNOWSNAKE_CACHE", "SNOWSNAKE_NO_CACHE"))]:
    del os.environ[name]
# Where C++ Nix's commands are, if there are any: before HOME is another folder.
os.environ.setdefault("SNOWSNAKE_REFERENCES", os.path.expanduser("~/.cache/snowsnake-refs"))
# Nobody can make a file below /proc, not even root.
os.environ.update(NIX_STATE_DIR="/proc/nonexistent", HOME="/proc/nonexistent", NO_COLOR="1", LC_ALL="C.UTF-8")
# Builds ask no substituter outside of this machine; a test that needs a substituter names it.
os.environ["NIX_CONF_DIR"] = tempfile.mkdtemp(prefix="snowsnake-conf-")
atexit.register(shutil.rmtree, os.environ["NIX_CONF_DIR"], ignore_errors=True)
with open(os.path.join(os.environ["NIX_CONF_DIR"], "nix.conf"), "w") as configuration:
    configuration.write("substituters =\n")
# Commands keep compiled files, as they do for users, but in a folder that only this run uses.
os.environ["SNOWSNAKE_CACHE_DIR"] = tempfile.mkdtemp(prefix="snowsnake-cache-")
atexit.register(shutil.rmtree, os.environ["SNOWSNAKE_CACHE_DIR"], ignore_errors=True)


IS_SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
if IS_SANITIZED:
    # Programs that tests start with an environment of their own need what the Makefile sets for the sanitizers, too.
    NEEDED = {name: os.environ[name] for name in ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "PYTHONMALLOC") if name in os.environ}
    start = subprocess.Popen.__init__

    def start_sanitized(self, args, *words, env=None, **given):
        program = os.fsdecode(args if isinstance(args, str | bytes | os.PathLike) else args[0])
        if program.startswith(os.environ["SNOWSNAKE_REFERENCES"] + "/"):
            # C++ Nix hangs with the sanitizers: a child that its daemon forks waits for a lock of a thread of its parent.
            env = {name: value for name, value in (os.environ if env is None else env).items() if name not in NEEDED}
        elif env is not None:
            env = NEEDED | dict(env)
        start(self, args, *words, env=env, **given)

    subprocess.Popen.__init__ = start_sanitized


def pytest_configure(config):
    config.addinivalue_line("markers", "bare: measures or limits memory, or has an environment of its own: not under sanitizers")


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="rewrite golden files with what came out")
    parser.addoption("--kills", type=int, default=20, help="how often writers of an embedded store are killed")
    parser.addoption("--reference", metavar="COMMAND", help="also compare with this nix-instantiate")


def pytest_collection_modifyitems(items):
    """A module that says NEEDS_PROGRAMS is skipped where one of them is missing; not in CI, which installs them (SNOWSNAKE_ALL_TESTS=1)."""
    for item in items:
        if IS_SANITIZED and item.get_closest_marker("bare"):
            item.add_marker(pytest.mark.skip(reason="not under sanitizers"))
    if os.environ.get("SNOWSNAKE_ALL_TESTS"):
        return
    for item in items:
        missing = [name for name in getattr(item.module, "NEEDS_PROGRAMS", ()) if shutil.which(name) is None]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))


# An evaluator reserves 64 GiB of addresses, of which a process has 128 TiB.
_MOST_ADDRESSES_BYTES = 16 << 40


@pytest.fixture(autouse=True)
def addresses_are_left() -> Iterator[None]:
    """Frees evaluators in cycles before they have taken all addresses of the process; they are few objects, so Python's own collector would wait."""
    yield
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    if pages * os.sysconf("SC_PAGE_SIZE") > _MOST_ADDRESSES_BYTES:
        gc.collect()


@pytest.fixture
def is_stressed() -> bool:
    """Whether the machine is to move every object at most safepoints."""
    return os.environ.get("SNOWSNAKE_STRESS", "") not in ("", "0")


@pytest.fixture
def run_command(tmp_path):
    """Runs a command module in a process of its own: `run_command("instantiate", "--eval", "-E", "1")`."""

    def run(module: str, *words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess:
        code = f"import sys; from snowsnake.cli.{module} import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": SOURCE} | environment,
            timeout=120,
        )

    return run


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> str:
    """A folder with our commands under Nix's names."""
    folder = tmp_path_factory.mktemp("commands")
    subprocess.run([Path(sys.executable).with_name("snowsnake"), "links", folder], check=True, stdout=subprocess.DEVNULL)
    return str(folder)
