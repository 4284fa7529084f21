"""`snowsnake jobs --diff REV` and `--changed-since REV`: compares the jobs of a revision with those of the working tree.

In: the command's options.  Out: the comparison, or the lines of what differs.  The tree of the revision is written to a temporary folder, and
evaluated there by the same command: an expression that looks at where it lies sees another place.  A flake is evaluated by its reference with
that revision, so that everything it knows of itself is what it was.
"""

import os
import subprocess
import sys
import tempfile

from snowsnake.cli.options import Arguments, CommandOption, UsageError

_CODE = "from snowsnake.cli.main import main; from snowsnake.cli.output import leave; leave(main)"
_WITH_REVISIONS = ("git", "hg", "github", "gitlab", "sourcehut", "indirect")
_COMMIT_SIZE = 40
# The mode of a submodule in the index, as `git ls-files --stage` prints it.
_SUBMODULE = b"160000 "
_TAKEN = ("diff", "changed_since", "diff_format", "html", "json")


def run_diff(given: Arguments, table: "tuple[CommandOption, ...]") -> int:
    """Prints the comparison.  `table` has the options of the command, which is run again for both trees."""
    from snowsnake.cli.evaluate import names_flake
    from snowsnake.jobs.comparison import FORMATS, compare, path_of

    form = given.text("diff_format", "text")
    if form not in FORMATS:
        raise UsageError(f"option '--diff-format' takes {', '.join(FORMATS)}, not '{form}'")
    revision = given.text("changed_since") or given.text("diff")
    before = (_flake_before if names_flake(given) else _tree_before)(given, table, revision)
    after = _lines(_words(given, table, given.words), os.getcwd())
    found = compare(before, after)
    if given.flag("changed_since"):
        import json

        wanted = {path_of(job) for job in found.added} | {path_of(job) for _, job in found.changed}
        sys.stdout.writelines(line + "\n" for line in after if path_of(json.loads(line)) in wanted)
        return 0
    sys.stdout.write(FORMATS[form](found))
    return 0


def _tree_before(given: Arguments, table: "tuple[CommandOption, ...]", revision: str) -> list[str]:
    """The jobs of a file or an expression in a copy of the revision's tree."""
    top = os.fsdecode(_git("rev-parse", "--show-toplevel").removesuffix(b"\n"))
    commit = _git("rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode().strip()
    here = os.path.relpath(os.path.realpath("."), os.path.realpath(top))
    with tempfile.TemporaryDirectory(prefix="snowsnake-revision-") as temporary:
        # A source that is the whole tree (`./.`) has the name of its folder in its store path.
        folder = os.path.join(temporary, os.path.basename(os.path.realpath(top)) or "tree")
        os.mkdir(folder)
        _write_tree(_git_dir(top), top, commit, folder)
        place = os.path.join(folder, here)
        if not os.path.isdir(place):
            raise UsageError(f"the folder '{here}' is not in revision '{revision}'")
        return _lines(_words(given, table, given.words), place)


def _flake_before(given: Arguments, table: "tuple[CommandOption, ...]", revision: str) -> list[str]:
    """The jobs of the flake at the revision, with the lock file, the facts about sources, and the inputs of that revision."""
    word = flake_at(given.words[0], revision, os.getcwd())
    return _lines(["--no-write-lock-file", *_words(given, table, [word], without=("no_write_lock_file",))], os.getcwd())


def flake_at(word: str, revision: str, base: str) -> str:
    """A flake reference, with its fragment, at another revision: a commit, or a branch or tag of a repository that is elsewhere.

    >>> flake_at("github:NixOS/nixpkgs/23.05?dir=lib#a.b", "24.05", "/")
    'github:NixOS/nixpkgs/24.05?dir=lib#a.b'
    """
    from snowsnake.fetch.errors import FetchFailure
    from snowsnake.fetch.fetcher import local_repository
    from snowsnake.lock.reference_text import parse_reference
    from snowsnake.lock.references import Reference

    try:
        reference, _ = parse_reference(word, base)
        input = reference.input.with_attrs(rev=None, ref=None, narHash=None, lastModified=None, revCount=None)
        folder = local_repository(input)
        if folder is not None:
            input = input.with_attrs(rev=_git("-C", folder, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode().strip())
        elif input.type in _WITH_REVISIONS:
            is_commit = len(revision) == _COMMIT_SIZE and not set(revision).difference("0123456789abcdef")
            input = input.with_attrs(**{"rev" if is_commit else "ref": revision})
        else:
            raise UsageError(f"'{word}' has no revisions to compare with: '--diff' and '--changed-since' take a flake in a repository")
    except FetchFailure as error:
        raise UsageError(str(error)) from None
    _, hash_mark, fragment = word.partition("#")
    return str(Reference(input, reference.folder)) + hash_mark + fragment


def _words(given: Arguments, table: "tuple[CommandOption, ...]", sources: list[str], without: tuple[str, ...] = ()) -> list[str]:
    """The command line again, with these files or references, and without the options that this module carries out."""
    words = ["--json"]
    for option in table:
        if option.key not in given.values or option.key in _TAKEN + without:
            continue
        value = given.values[option.key]
        for values in value if option.is_repeatable and isinstance(value, list) else [value]:
            words.append(option.names[-1])
            words += [] if values is True else values if isinstance(values, list) else [str(values)]
    return [*words, "--", *sources]


def _git(*words: str, environment: "dict[str, str] | None" = None) -> bytes:
    try:
        result = subprocess.run(["git", *words], capture_output=True, env=environment)
    except FileNotFoundError:
        raise UsageError("comparing with a revision needs the program 'git'") from None
    if result.returncode:
        reason = result.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UsageError(f"git: {reason}")
    return result.stdout


def _write_tree(git_dir: str, checkout: str | None, commit: str, folder: str) -> None:
    """Writes the files of a commit as a checkout would, with those of its submodules if Git has these here.

    `checkout`: the working tree of this repository, if it has one.
    """
    with tempfile.TemporaryDirectory() as index:
        environment = os.environ | {"GIT_INDEX_FILE": index + "/index"}
        where = [f"--git-dir={git_dir}", f"--work-tree={folder}"]
        for words in (["read-tree", commit], ["checkout-index", "--all"]):
            _git(*where, *words, environment=environment)
        entries = _git(*where, "ls-files", "--stage", "-z", environment=environment).split(b"\0")
    for entry in entries:
        if not entry.startswith(_SUBMODULE):
            continue
        facts, _, name = entry.partition(b"\t")
        place = os.fsdecode(name)
        below, inner = os.path.join(folder, place), None if checkout is None else os.path.join(checkout, place)
        os.makedirs(below, exist_ok=True)
        if inner is not None and os.path.lexists(os.path.join(inner, ".git")):
            _write_tree(_git_dir(inner), inner, facts.split()[1].decode(), below)
        elif os.path.isdir(kept := os.path.join(git_dir, "modules", place)):
            # The working tree does not have the submodule any more.
            _write_tree(kept, None, facts.split()[1].decode(), below)


def _git_dir(folder: str) -> str:
    return os.fsdecode(_git("-C", folder, "rev-parse", "--absolute-git-dir").removesuffix(b"\n"))


def _lines(words: list[str], folder: str) -> list[str]:
    """The lines that the command `jobs` prints for these words, run as a process in this folder."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*sys.path]))}
    result = subprocess.run([sys.executable, "-c", _CODE, "jobs", *words], stdout=subprocess.PIPE, cwd=folder, env=environment)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    if result.returncode and not lines:
        raise UsageError(f"the jobs in '{folder}' could not be evaluated")
    return lines
