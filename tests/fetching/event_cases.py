"""The commands whose `--log-format internal-json` events are recorded, and the parts of a stream that are compared."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from fetch_world import Git, write

# The experimental features and the folders that every command of these cases has.
CONFIG = "extra-experimental-features = nix-command flakes\nsubstituters =\nflake-registry =\nbuild-users-group =\n"
FLAKE = """{
  inputs.a = { url = "git+file:///W/repo"; flake = false; };
  inputs.t = { url = "http://U/files/archives/base.tar.gz"; flake = false; };
  inputs.p = { url = "path:/W/plain"; flake = false; };
  outputs = { self, a, t, p }: {
    x = 1; y = a.rev; z = builtins.readDir t; w = p.outPath; said = builtins.trace "traced" (builtins.warn "warned" 1); bad = throw "no";
    packages.x86_64-linux.default = derivation { name = "d"; system = "x86_64-linux"; builder = "b"; };
  };
}
"""


def _eval(expression: str, *flags: str) -> tuple[str, list[str]]:
    return "nix-instantiate", ["--eval", "--strict", "-E", expression, *flags]


# name -> (command, words); `/W/` and `http://U/` are the world and its server, `/F/` is the flake.
CASES: dict[str, tuple[str, list[str]]] = {
    "fetchurl": _eval('builtins.fetchurl "http://U/files/plain/a"'),
    "fetchurl-v": _eval('builtins.fetchurl "http://U/files/plain/a"', "-v"),
    "fetchurl-quiet": _eval('builtins.fetchurl "http://U/files/plain/a"', "--quiet", "--quiet"),
    "fetchurl-redirected": _eval('builtins.fetchurl "http://U/to/2/plain/a"'),
    "fetchurl-missing": _eval('builtins.fetchurl "http://U/status/404"'),
    "fetchurl-later": _eval('builtins.fetchurl "http://U/fail/k/1/500/plain/a"'),
    "fetchTarball": _eval('builtins.fetchTarball "http://U/files/archives/base.tar.gz"'),
    "fetchTarball-missing": _eval('builtins.fetchTarball "http://U/status/404"'),
    "fetchGit": _eval('(builtins.fetchGit "file:///W/repo").rev'),
    "fetchGit-dirty": _eval('(builtins.fetchGit "/W/dirty").outPath'),
    "fetchTree-path": _eval('(builtins.fetchTree { type = "path"; path = "/W/plain"; }).outPath'),
    "trace": _eval('builtins.trace "hey" (builtins.warn "hey" 1)'),
    "throw": _eval('let f = x: throw x; in f "hey"'),
    "lock": ("nix", ["flake", "lock", "/F/"]),
    "update": ("nix", ["flake", "update", "--flake", "/F/"]),
    "metadata": ("nix", ["flake", "metadata", "/F/"]),
    "show": ("nix", ["flake", "show", "/F/"]),
    "check": ("nix", ["flake", "check", "/F/"]),
    "archive": ("nix", ["flake", "archive", "/F/"]),
    "eval": ("nix", ["eval", "/F/#z"]),
    "eval-said": ("nix", ["eval", "/F/#said"]),
    "eval-bad": ("nix", ["eval", "/F/#bad"]),
    "eval-missing": ("nix", ["eval", "/F/#missing"]),
    "prefetch-git": ("nix", ["flake", "prefetch", "git+file:///W/repo"]),
    "prefetch-tarball": ("nix", ["flake", "prefetch", "http://U/files/archives/base.tar.gz"]),
    "prefetch-file": ("nix", ["store", "prefetch-file", "http://U/files/plain/a"]),
    "unknown-flake": ("nix", ["flake", "metadata", "nosuch"]),
}


def prepare(own: Path, fill: Callable[[str], str]) -> None:
    """Makes the flake in the folder of one command."""
    write(own / "flake/flake.nix", fill(FLAKE))
    Git(own / "flake").commit("one")


def events(err: str, plain: Callable[[str], str]) -> list[str]:
    """The events of a stream.  *plain* puts names for places of this run.

    Activities are numbered in the order in which they begin.  Of successive reports of bytes the last one counts, because their number depends on the
    time.  Messages for debugging, colours inside of messages, and the words of an activity that hashes a tree, which C++ Nix copies, do not count.
    """
    numbers: dict[int, int] = {}
    found: list[dict] = []
    for line in err.splitlines():
        assert line.startswith("@nix "), line
        event = json.loads(line[5:])
        if event.get("level") == 6 or "derivation-internal" in line:
            continue
        for key in ("id", "parent"):
            if event.get(key):
                event[key] = numbers.setdefault(event[key], len(numbers) + 1)
        if event.get("type") == 105 and found and (found[-1].get("type"), found[-1].get("id")) == (105, event["id"]):
            found.pop()
        found.append(event)
    return [_plain(event, plain) for event in found]


def _plain(event: dict, plain: Callable[[str], str]) -> str:
    text = plain(re.sub(r"(\\u001b|\x1b)\[[0-9;]*m", "", json.dumps(event, ensure_ascii=False, sort_keys=True)))
    return re.sub(r"in \d+ ms", "in N ms", text)
