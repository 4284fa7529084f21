"""The folder in which recorded command lines about settings and stores run, the cases, and what is compared of their answers.

A case has variables and a program with its words; standard input is empty.  `DIR` means the folder, everywhere.
"""

import os
import re
import shlex
from itertools import combinations
from pathlib import Path

from command_world import answer

ENVIRONMENT = {
    "HOME": "DIR/home",
    "NIX_CONF_DIR": "DIR/etc",
    "NIX_STATE_DIR": "DIR/state",
    "NIX_REMOTE": "dummy://",
    "XDG_CONFIG_DIRS": "",
    "NO_COLOR": "1",
}
FILES = {
    "home/.nix-defexpr/channels/mine/default.nix": '"my channel"\n',
    "home/.local/state/nix/defexpr/channels/xdg/default.nix": '"channel of XDG"\n',
    "state/profiles/per-user/root/channels/nixpkgs/default.nix": '"the nixpkgs channel"\n',
    "state/profiles/per-user/root/channels/other/default.nix": '"another channel"\n',
    "a/default.nix": '"a"\n',
    "a/x.nix": '"a/x"\n',
    "b/default.nix": '"b"\n',
    "b/x.nix": '"b/x"\n',
    "b/y.nix": '"b/y"\n',
    "deep/default.nix": '"deep"\n',
    "deep/a/x.nix": '"deep/a/x"\n',
    "include/a.conf": "cores = 11\ninclude b.conf\nmax-jobs = 11\n",
    "include/b.conf": "cores = 12\ntimeout = 12\n",
    "linked/other.nix": '[ (toString ./.) (import ./sibling.nix) ]\n',
    "linked/sibling.nix": '"sibling beside the target"\n',
    "folder/sibling.nix": '"sibling beside the link"\n',
}
_PATHS = "map ({ prefix, path }: \"${prefix}=${path}\") builtins.nixPath"
# The sources of a search path, each with a letter that its entry has as its name.
SOURCES = {
    "E": ({"NIX_PATH": "e=DIR/a:DIR/b"}, []),
    "C": ({"NIX_CONFIG": "nix-path = c=DIR/a"}, []),
    "X": ({"NIX_CONFIG": "extra-nix-path = x=DIR/a"}, []),
    "U": ({"NIX_USER_CONF_FILES": "DIR/user.conf"}, []),
    "o": ({}, ["--option", "nix-path", "o=DIR/a DIR/b"]),
    "p": ({}, ["--option", "extra-nix-path", "p=DIR/b"]),
    "f": ({}, ["--nix-path", "f=DIR/a"]),
    "g": ({}, ["--extra-nix-path", "g=DIR/a"]),
    "I": ({}, ["-I", "i=DIR/a", "-I", "DIR/deep"]),
    "r": ({}, ["--restrict-eval"]),
    "d": ({}, ["--use-xdg-base-directories"]),
}
NIX_PATHS = (
    "", ":", "::", ":a", "a:", "a::b", ":a=/x", "a=", "=a", "=", "a=b=c", "a b", " a", "a=/x y:b", "https://a/b:c", "a=https://h:80/x:b", "http:x:y",
    "flake:nixpkgs:b", "n=flake:nixpkgs:b", "channel:nixos-unstable:b", "n=channel:x:b", "file:///a:b", "a:b=c:d", "a=b:c=https://d:e", "ftp://a:b",
    "https://a", "a=https://", "git://x:y:z", "a=b=https://c:d", "a\tb:c", "./a:../b", "a:flake:b:c", "x=flake:a:b:y=/c",
)  # fmt: skip


def make_world(folder: Path) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "user.conf").write_text(f"nix-path = u={folder}/b\nextra-nix-path = v={folder}/a\n", encoding="utf-8")
    (folder / "folder" / "default.nix").symlink_to("../linked/other.nix")
    (folder / "etc").mkdir()


def _combined(letters: str) -> tuple[dict[str, str], list[str]]:
    variables: dict[str, str] = {}
    words: list[str] = []
    for letter in letters:
        more, added = SOURCES[letter]
        for name, text in more.items():
            variables[name] = f"{variables[name]}\n{text}" if name in variables else text
        words += added
    return variables, words


def cases() -> list[tuple[dict[str, str], list[str]]]:
    """(variables, program and words) of every case: search paths from all their sources, spellings of NIX_PATH, and those of cases.txt."""
    found = []
    instantiate = ["nix-instantiate", "--eval", "--strict", "--json", "-E", _PATHS]
    for size in (0, 1, 2):
        for letters in combinations(SOURCES, size):
            variables, words = _combined("".join(letters))
            found.append((variables, instantiate + words))
    for letters in ("ECI", "EpI", "ogI", "CpIf", "XgE", "UXp", "UCog", "EXrI", "Epof"):
        variables, words = _combined(letters)
        found.append((variables, instantiate + words))
    found += [({"NIX_PATH": text}, instantiate) for text in NIX_PATHS]
    for line in (Path(__file__).parent / "settings" / "cases.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            words = shlex.split(line)
            start = words.index("$")
            variables = dict(word.split("=", 1) for word in words[:start])
            found.append(({name: text.replace("\\n", "\n") for name, text in variables.items()}, words[start + 1 :]))
    return found


def environment(variables: dict[str, str], folder: str) -> dict[str, str]:
    return {name: text.replace("DIR", folder) for name, text in (ENVIRONMENT | variables).items()}


def outcome(code: int, out: bytes, err: bytes, folder: str) -> dict[str, object]:
    """Exit code, standard output, messages, and the store objects that are in the folder now."""
    found = answer(code, out, err, folder)
    made = []
    for parent, names, files in os.walk(folder):
        if os.path.basename(parent) == "store" or parent.endswith("/real"):
            made += [os.path.relpath(os.path.join(parent, name), folder) for name in names + files if re.match(r"[0-9a-z]{32}-", name)]
            names[:] = []
    return found | {"made": sorted(made)}
