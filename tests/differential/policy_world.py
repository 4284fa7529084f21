"""Every way to something that a policy hides, times everything that reads: expressions and the folder they are evaluated in.

Only `A/b` may be read.  `A/secret` differs from one world to the next, and is absent in one: a policy that holds returns the same answers in
all of them.  `ROOT` stands for the folder; programs are given as text, because a file of their own would have to be allowed.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

SECRETS = {"one": '"first"', "two": '"second, longer"', "absent": None, "folder": {"inner": "1"}, "link": "b/plain"}

# Ways to a place that has something: the name of the way, an expression for it, whether the place is a folder that has the secret.
WAYS = {
    "direct": "ROOT/A/secret",
    "as text": '"ROOT/A/secret"',
    "dots": '"ROOT/A/b/../secret"',
    "dots in a path": "ROOT/A/b/../secret",
    "joined": '(ROOT/A/b + "/../secret")',
    "relative link": "ROOT/A/b/relative",
    "absolute link": "ROOT/A/b/absolute",
    "link of a folder": "ROOT/A/b/up/secret",
    "link twice": "ROOT/A/b/up/b/up/secret",
    "link to a link": "ROOT/A/b/again",
    "outside": "ROOT/other/secret",
    "link outside": "ROOT/A/b/outside",
    "copy": '"${ROOT/A}/secret"',
    "link in a copy": '"${ROOT/A/b}/relative"',
    "absolute link in a copy": '"${ROOT/A/b}/absolute"',
    "folder's link in a copy": '"${ROOT/A/b}/up/secret"',
    "link to outside in a copy": '"${ROOT/A/b}/outside"',
    "copy of a copy": '"${builtins.path { path = "${ROOT/A}"; name = "again"; }}/secret"',
    "part of a copy": '"${builtins.path { path = "${ROOT/A}/secret"; name = "part"; }}"',
    "builtins.path": '(builtins.path { path = ROOT/A; } + "/secret")',
    "builtins.path, filtered": '(builtins.path { path = ROOT/A; filter = p: t: true; } + "/secret")',
    "builtins.path, named": '"${builtins.path { path = ROOT/A; name = "a"; }}/secret"',
    "builtins.path of a file": '(builtins.path { path = ROOT/A/secret; })',
    "builtins.path of a flat file": '(builtins.path { path = ROOT/A/secret; recursive = false; })',
    "filterSource": '(builtins.filterSource (p: t: true) ROOT/A + "/secret")',
    "search path": "<b/relative>",
    "search path, dots": "<b/../secret>",
    "search path, folder's link": "<b/up/secret>",
    "findFile": '(builtins.findFile [ { prefix = ""; path = "ROOT/A"; } ] "secret")',
    "findFile, dots": '(builtins.findFile [ { prefix = "x"; path = "ROOT/A/b"; } ] "x/../secret")',
    "findFile of a link": '(builtins.findFile [ { prefix = "x"; path = "ROOT/A/b/up"; } ] "x/secret")',
    "home": "~/A/secret",
    "fetchurl": '(builtins.fetchurl "file://ROOT/A/secret")',
    "fetchurl of a link": '(builtins.fetchurl "file://ROOT/A/b/relative")',
    "slashes": '"/./ROOT//A/./secret"',
}  # fmt: skip
READERS = {
    "readFile": "builtins.readFile PATH",
    "import": "import PATH",
    "scopedImport": "scopedImport { } PATH",
    "hashFile": 'builtins.hashFile "sha256" PATH',
    "readFileType": "builtins.readFileType PATH",
    "readDir": "builtins.readDir PATH",
    "readDir of the folder": "builtins.readDir (dirOf PATH)",
    "readDir of the folder, text": 'builtins.readDir (PATH + "/..")',
    "pathExists": "builtins.pathExists PATH",
    "pathExists of a folder": 'builtins.pathExists (PATH + "/")',
    "pathExists below": 'builtins.pathExists (PATH + "/inner")',
    "interpolation": 'let path = PATH; in "${path}"',
    "interpolation of the folder": 'let path = dirOf PATH; in "${path}"',
    "concatenation": '"" + PATH',
    "toJSON": "builtins.toJSON PATH",
    "derivation": '(derivation { name = "n"; system = "s"; builder = PATH; }).drvPath',
    "path": 'builtins.path { path = PATH; name = "n"; }',
    "path, flat": 'builtins.path { path = PATH; name = "n"; recursive = false; }',
    "filterSource": "builtins.filterSource (p: t: true) PATH",
    "filter is asked": 'builtins.filterSource (p: t: throw "${p} ${t}") (dirOf PATH)',
    "findFile below": 'builtins.findFile [ { prefix = "s"; path = PATH; } ] "s"',
    "storePath": "builtins.storePath PATH",
    "fetchurl": 'builtins.fetchurl "file://${toString PATH}"',
}
OTHERS = {
    "getEnv": 'builtins.getEnv "SECRET"',
    "getEnv of HOME": 'builtins.getEnv "HOME"',
    "currentTime": "builtins ? currentTime",
    "currentSystem": "builtins ? currentSystem",
    "home": "toString ~/A",
    "nixPath": "builtins.nixPath",
    "storePath of nothing": 'builtins.storePath "/nix/store/00000000000000000000000000000000-x"',
    "toFile": 'builtins.readFile (builtins.toFile "t" "x")',
    "root": "builtins.readDir /.",
    "folder of the allowed": "builtins.readDir ROOT/A",
    "the allowed": "builtins.readDir ROOT/A/b",
    "file of the allowed": "builtins.readFile ROOT/A/b/plain",
    "link within the allowed": "builtins.readFile ROOT/A/b/within",
    "copy of the allowed": 'builtins.readFile "${ROOT/A/b}/plain"',
    "the allowed in a copy": 'builtins.readFile "${ROOT/A}/b/plain"',
    "copy with the allowed": "builtins.readDir \"${ROOT/A}\"",
    "import of the allowed": "import ROOT/A/b",
    "search path": "<b/plain>",
    "url": 'builtins.fetchurl "http://127.0.0.1:1/x"',
}  # fmt: skip


def cases() -> Iterator[tuple[str, str]]:
    """(name, expression) of every case."""
    for way, path in WAYS.items():
        for reader, expression in READERS.items():
            yield f"{reader}: {way}", expression.replace("PATH", path)
    yield from OTHERS.items()


def make_world(root: Path, secret: object) -> None:
    inside = root / "A" / "b"
    inside.mkdir(parents=True)
    (root / "other").mkdir()
    (inside / "plain").write_text("plain\n")
    (inside / "default.nix").write_text("42\n")
    for name, target in {
        "relative": "../secret", "absolute": root / "A" / "secret", "up": "..", "again": "relative", "outside": "../../other/secret",
        "within": "plain",
    }.items():  # fmt: skip
        (inside / name).symlink_to(target)
    for folder in (root / "A", root / "other"):
        put(folder / "secret", secret)


def put(path: Path, secret: object) -> None:
    if isinstance(secret, dict):
        path.mkdir()
        for name, inner in secret.items():
            put(path / name, inner)
    elif isinstance(secret, str) and secret.startswith("b/"):
        path.symlink_to(os.fspath(path.parent / secret))
    elif secret is not None:
        path.write_text(str(secret))


def readable(answer: str, root: Path) -> str:
    """An answer that is the same wherever the folder lies: links in it contain its path, and so hashes of them depend on it."""
    return re.sub(r"/nix/store/[a-z0-9]{32}-", "/nix/store/HASH-", answer.replace(os.fspath(root), "ROOT"))
