"""The evaluators of a benchmark: ours with and without compiled files on disk, and the others that were named.

In: options and environment.  Out: `Evaluator`s, ours first; `command()` says how each is called for a program.

`EVALUATORS="nix-2.34=/path/nix-instantiate snix=/venv/bin/python"` and `--evaluator NAME=COMMAND` name commands that take
`nix-instantiate`'s arguments; one that is an interpreter of Python is taken for a virtual environment with snix's `nixeval`.
`REFERENCES=DIR` (`--references DIR`) takes every `DIR/bin/nix-*` and `DIR/snix/bin/python`.  Without any of them a
`nix-instantiate` on the PATH is the reference.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN, CACHED = "snowsnake", "snowsnake, compiled files"
SNIX = (
    "import sys, json, nixeval; sys.set_int_max_str_digits(0); "
    "print(json.dumps(nixeval.loads('(' + open(sys.argv[1]).read() + ') { n = ' + sys.argv[2] + '; }')))"
)


@dataclass
class Evaluator:
    """A name, how it is called, and what its environment has besides the common one.

    `kind` is "nix" (the options of nix-instantiate), "snix", or "python": the bare interpreter, for start-up only.
    """

    name: str
    words: list[str]
    kind: str = "nix"
    environment: dict[str, str] = field(default_factory=dict)
    is_ours: bool = False
    # It runs once before it is measured, because that run leaves files.
    is_warmed: bool = False


# This does what the installed command does, for a tree of any age that is not installed.
_UNINSTALLED = "import gc; gc.disable(); from snowsnake.cli.instantiate import main; from snowsnake.cli.output import leave; leave(main)"


def own_evaluator(name: str, root: Path, cache: Path | None = None) -> Evaluator:
    """Our evaluator of a source tree, run by the interpreter that runs the benchmark: cold, or with compiled files kept in `cache`.

    Where this tree is installed beside that interpreter, the installed command is measured, as users start it.
    """
    environment = {"SNOWSNAKE_NO_CACHE": "1"} if cache is None else {"XDG_CACHE_HOME": str(cache)}
    installed = Path(sys.executable).with_name("snowsnake-instantiate")
    words = [str(installed)]
    if not (root == ROOT and installed.exists() and _is_installed_from(root)):
        words = [sys.executable, "-c", _UNINSTALLED]
        environment["PYTHONPATH"] = str(root / "src")
    return Evaluator(name, words, environment=environment, is_ours=True, is_warmed=cache is not None)


def _is_installed_from(root: Path) -> bool:
    found = importlib.util.find_spec("snowsnake")
    return bool(found and found.origin and Path(found.origin).is_relative_to(root))


def has_compiled_files(root: Path) -> bool:
    """Whether this tree keeps compiled files on disk."""
    return '"cache":' in (root / "src" / "snowsnake" / "cli" / "main.py").read_text()


def other_evaluator(name: str, words: list[str]) -> Evaluator:
    is_python = re.fullmatch(r"python[\d.]*", Path(words[0]).name) and len(words) == 1
    return Evaluator(name, words, kind="snix" if is_python else "nix")


def find_evaluators(given: list[str], references: str, cache: Path) -> list[Evaluator]:
    """Our evaluators, then the others; ratios are taken to the first of the others unless another one is named."""
    found = [own_evaluator(OWN, ROOT)]
    if has_compiled_files(ROOT):
        found.append(own_evaluator(CACHED, ROOT, cache))
    for entry in shlex.split(os.environ.get("EVALUATORS", "")) + given:
        name, _, words = entry.partition("=")
        found.append(other_evaluator(name, shlex.split(words)))
    folder = references or os.environ.get("REFERENCES", "")
    if folder:
        commands = [path for path in (Path(folder).absolute() / "bin").glob("nix-*") if os.access(path, os.X_OK)]
        for path in sorted(commands, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)], reverse=True):
            found.append(other_evaluator(path.name, [str(path)]))
        snix = Path(folder).absolute() / "snix" / "bin" / "python"
        if snix.exists():
            found.append(other_evaluator("snix", [str(snix)]))
    system = shutil.which("nix-instantiate")
    if system and all(evaluator.is_ours for evaluator in found):
        version = subprocess.run([system, "--version"], capture_output=True, text=True).stdout.split()
        found.append(other_evaluator(f"nix-{version[-1]}" if version else "nix", [system]))
    return found


def python_itself() -> Evaluator:
    """The bare interpreter, beside which start-up is measured."""
    return Evaluator("python -c 1", [sys.executable], kind="python")
