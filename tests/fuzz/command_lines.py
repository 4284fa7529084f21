"""Random command lines of all commands: options of the tables with values, good and bad, in any place.

usage: python tests/fuzz/command_lines.py [COUNT] [SEED]     (prints the lines that end in a traceback or a fault; 2 000 by default)

In: the tables of commands and options.  Out: exit code 1 if one was found.
"""

import contextlib
import io
import os
import random
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "differential"))

# Options with which another program would run, or the command would not end.
_LEFT_OUT = ("--debugger",)
# Options that take the place of a store.
_STORES = ("--store", "--eval-store", "--to", "--from")
# Commands that serve until somebody ends them.
_SERVERS = ("daemon",)
_VALUES = (
    "", "-", ".", "./flake", "./flake#text", "./flake#nested.\"a.b\"", "./user", "packages.nix", "value.nix", "absent", "a", "a.b.c", "1", "-1",
    "x=y", "<nix>", "^", "*", "[", "hello", "h.*", "1 +", "x: x", "{ a = 1; }", "sha256", "sri", "sha256-AAAA", "\udcff\udcfe", "é", "x" * 300,
    "/nix/store/00000000000000000000000000000000-x", "/nix/store/00000000000000000000000000000000-x.drv^out", "path:./flake", "flake:none",
    "github:a/b?c=d", "%", "--", "a\nb", "dummy://", "local?root=/proc/x", "true", "99999999999999999999", "flake", "packages",
)  # fmt: skip


def _nix(choose: random.Random) -> list[str]:
    from snowsnake.cli.nix.options import GLOBAL
    from snowsnake.cli.nix.table import DEPRECATED, ROWS

    row = choose.choice([row for row in ROWS if row.runner and row.name not in _SERVERS])
    words = row.name.split()
    if choose.random() < 0.05:
        words = [choose.choice(list(DEPRECATED))]
    options = [*row.options, *row.options, *GLOBAL]
    return _filled(choose, words, [(name, len(option.values)) for option in options for name in option.names])


def _old(name: str, words: list[str]):
    options = [
        ("-q", 0), ("-a", 0), ("-A", 1), ("-E", 1), ("--json", 0), ("--xml", 0), ("--meta", 0), ("-P", 0), ("-f", 1), ("--arg", 2), ("--argstr", 2),
        ("-I", 1), ("--out-path", 0), ("-c", 0), ("-s", 0), ("--drv-path", 0), ("--option", 2), ("--requisites", 0), ("--graph", 0), ("--dry-run", 0),
        ("--eval", 0), ("--strict", 0), ("--raw", 0), ("--type", 1), ("--to-sri", 0), ("--flat", 0), ("-v", 0), ("--quiet", 0), ("--log-format", 1),
        ("--show-trace", 0), ("--system", 0), ("--no-out-link", 0), ("--parse", 0), ("--find-file", 0),
    ]  # fmt: skip
    return lambda choose: _filled(choose, words if choose.random() < 0.8 else [], options)


def outside_the_root(words: list[str]) -> list[str]:
    """The words with places of stores that cannot be made: root would make a store at the `/nix/store/…` that another option takes for a path."""
    return ["/proc" + word if before in _STORES and word.startswith("/nix") else word for before, word in zip(["", *words], words, strict=False)]


def _filled(choose: random.Random, words: list[str], options: list[tuple[str, int]]) -> list[str]:
    parts: list[list[str]] = [[choose.choice(_VALUES)] for _ in range(choose.choice((0, 1, 1, 1, 2, 3)))]
    for _ in range(choose.choice((0, 0, 1, 1, 1, 2, 3))):
        name, count = choose.choice(options)
        if name in _LEFT_OUT:
            continue
        if choose.random() < 0.03:
            count = max(0, count + choose.choice((-1, 1)))
        parts.append([name, *(choose.choice(_VALUES) for _ in range(count))])
    choose.shuffle(parts)
    before = parts.pop() if parts and choose.random() < 0.2 else []
    return outside_the_root([*before, *words, *(word for part in parts for word in part)])


def _shell(choose: random.Random) -> list[str]:
    options = [
        ("-p", 0), ("-E", 0), ("-A", 1), ("--run", 1), ("--command", 1), ("--pure", 0), ("--keep", 1), ("--exclude", 1), ("--arg", 2), ("--argstr", 2),
        ("-I", 1), ("--dry-run", 0), ("-i", 1), ("-v", 0), ("--option", 2), ("--show-trace", 0),
    ]  # fmt: skip
    return _filled(choose, [], options)


PROGRAMS = {
    "nix.main": _nix,
    "old.env": _old("nix-env", ["-qa", "-f", "packages.nix"]),
    "old.store": _old("nix-store", ["-q"]),
    "old.hash": _old("nix-hash", []),
    "old.shell": _shell,
    "instantiate": _old("nix-instantiate", ["--eval"]),
}


def run_line(module: str, words: list[str]) -> str:
    """The exit code of the command and what it wrote to stderr; the traceback if it raised."""
    import traceback

    main = __import__(f"snowsnake.cli.{module}", fromlist=["main"]).main
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", write_through=True)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", write_through=True)
    code = 1
    streams = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(b"1 + 1"))
    try:
        sys.stdout, sys.stderr = out, err
        with contextlib.suppress(SystemExit):
            code = main(list(words))
            # `config check` ends with 2; `store verify` with a bit for each kind of fault.
            if code not in (0, 1, 2, 102) and not (code < 8 and "verify" in words):
                return f"fault: exit code {code}"
    except BaseException:  # noqa: BLE001
        return traceback.format_exc()
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
    return f"{code} " + err.buffer.getvalue().decode("utf-8", "replace")


def is_bad(text: str) -> bool:
    return "Traceback (most" in text or "fault of the evaluator" in text or text.startswith("fault:")


def prepare(folder: str) -> None:
    """Makes the folder in which the lines run, and hides the settings and programs of this machine from them."""
    from call_world import environment_of, make_world  # type: ignore[import-not-found]

    make_world(Path(folder))
    os.environ.update(environment_of(folder + "/.home"))
    os.environ["NIX_CONFIG"] += "substitute = false\nconnect-timeout = 1\n"
    os.makedirs(folder + "/.home", exist_ok=True)
    # An installed Nix, to which commands could be handed on, is not found.
    os.environ["PATH"] = "/nonexistent"
    # `nix run` and its kin would become another program.
    os.execve = os.execvpe = _refuse
    os.environ["EDITOR"] = "/nonexistent/editor"
    os.chdir(folder)


def _refuse(program: str, *given: object) -> None:
    raise FileNotFoundError(2, "no program is run here", program)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    choose = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    found = done = 0
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        prepare(folder)
        for _ in range(count):
            module = choose.choice((*PROGRAMS, "nix.main", "nix.main", "nix.main"))
            words = PROGRAMS[module](choose)
            text = run_line(module, words)
            done += text.startswith("0 ")
            if is_bad(text):
                found += 1
                print(f"{module} {shlex.join(words)}\n{text[-1500:]}\n")
        os.chdir("/")
    print(f"{count} command lines, {done} of them succeeded, {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
