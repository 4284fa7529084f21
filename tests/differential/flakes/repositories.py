"""Scenarios of Git repositories in odd states: what a working tree is then, clean or dirty, with which files and which hash."""

from world import Scenario, Step

_FLAKE = (
    "{ outputs = { self }: { files = let go = folder: builtins.mapAttrs (name: kind: let path = folder + \"/${name}\"; in"
    ' if kind == "directory" then go path else if kind == "regular" then builtins.hashFile "sha256" path else kind) (builtins.readDir folder); in go ./.; }; }'
)
_FILES: list[Step] = [
    ("write", "top/flake.nix", _FLAKE),
    ("write", "top/folder/one", "1\n"),
    ("write", "top/folder/two", "2\n"),
    ("write", "top/file", "file\n"),
    ("link", "top/link", "folder/one"),
    ("git", "top"),
]
_ASKED: list[Step] = [
    ("nix", "flake", "metadata", "--json", "./top"),
    ("nix", "eval", "--json", "./top#files"),
    ("nix", "eval", "--json", "--impure", "--expr", 'removeAttrs (builtins.fetchGit @/top) [ "outPath" ]'),
]


def _git(line: str) -> Step:
    return ("git", "top", *line.split())


# Side and main have different texts for a file, and the index has all three: nobody resolved the conflict yet.
_CONFLICT: list[Step] = [
    _git("checkout -q -b side"), ("write", "top/file", "side\n"), _git("commit -q -a -m side"),
    _git("checkout -q main"), ("write", "top/file", "main\n"), _git("commit -q -a -m main"), _git("read-tree -i -m main~1 main side"),
]

_STATES: dict[str, list[Step]] = {
    "modes-ignored": [_git("config core.filemode false"), ("mode", "top/file", "755")],
    "modes-ignored-and-changed": [_git("config core.filemode false"), ("mode", "top/file", "755"), ("write", "top/folder/one", "one\n")],
    "links-ignored": [_git("config core.symlinks false"), ("remove", "top/link"), ("write", "top/link", "folder/one")],
    "case-ignored": [_git("config core.ignorecase true"), ("remove", "top/file"), ("write", "top/FILE", "file\n")],
    "conflict": _CONFLICT,
    "conflict-and-removed": [*_CONFLICT, ("remove", "top/file")],
    "bare-with-files": [_git("config core.bare true")],
    "working-tree-elsewhere": [_git("config core.worktree ../folder")],
    "working-tree-named": [_git("config core.worktree ..")],
    "names-in-order": [
        ("write", "top/é", "1"), ("write", "top/z", "1"), ("write", "top/a.x", "1"), ("write", "top/a/y", "1"), ("write", "top/a-x", "1"), _git("add -A"),
    ],
    "names-removed": [
        ("write", "top/é", "1"), ("write", "top/a.x", "1"), ("write", "top/a/y", "1"), _git("add -A"), _git("commit -q -m y"),
        ("remove", "top/é"), ("remove", "top/a.x"), ("remove", "top/a/y"),
    ],
    "folder-behind-a-link": [("move", "top/folder", "moved"), ("link", "top/folder", "../moved")],
    "intended-and-removed": [("write", "top/new", "1"), _git("add -N new"), ("remove", "top/new")],
    "tree-without-index": [("remove", "top/.git/index")],
    "borrowed-objects-lost": [
        ("move", "top", "source"), ("git", "source", "clone", "-q", "-s", ".", "../top"), ("write", "top/file", "changed\n"), *_ASKED, ("move", "source", "gone"),
    ],
    "branch-without-commit": [_git("checkout -q --orphan new")],
}


def scenarios() -> list[Scenario]:
    return [(f"repository-{name}", [*_FILES, *steps, *_ASKED]) for name, steps in _STATES.items()]
