"""Hidden files have no influence under a policy: everything that reads, through every way that there is, in worlds that differ only in hidden files.

Over 600 lines: all tests use the same worlds and the same list of ways.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from snowsnake.api import EvaluationError, Evaluator
from snowsnake.builtins.engines import fetch_calls
from snowsnake.fetch import git, mercurial
from snowsnake.fetch.git_index import GitIndex
from snowsnake.fetch.trees import DiskTree, PartOfDisk
from snowsnake.store import nar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "differential"))
from policy_world import OTHERS, READERS, SECRETS, WAYS, cases, make_world, readable  # noqa: E402

POLICIES: dict[str, Callable[[Path], dict[str, object]]] = {
    "free": lambda root: {"search_path": {"b": root / "A/b"}},
    "restricted": lambda root: {"restricted": True, "search_path": {"b": root / "A/b"}},
    "allowed": lambda root: {"restricted": True, "allowed_paths": [root / "A/b"]},
    "pure": lambda root: {"pure": True},
    "pure, allowed": lambda root: {"pure": True, "allowed_paths": [root / "A/b"], "search_path": {"b": root / "A/b"}},
}


def answer(nix: Evaluator, expression: str) -> object:
    try:
        return nix.evaluate(expression).to_python()
    except EvaluationError as error:
        assert error.code != "internal"
        return error.code, error.message


def answers(root: Path, policy: str, store: bool) -> dict[str, dict[str, object]]:
    """The answers by world, and in each by case."""
    found = {}
    for world, secret in SECRETS.items():
        shutil.rmtree(root, ignore_errors=True)
        make_world(root, secret)
        options = POLICIES[policy](root)
        found[world] = {}
        shared = Evaluator(**options, store=root.parent / f"store {world}") if store else None
        for name, expression in cases():
            nix = shared or Evaluator(**options)
            found[world][name] = answer(nix, expression.replace("ROOT", os.fspath(root)))
    return found


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", os.fspath(tmp_path / "world"))
    return tmp_path / "world"


@pytest.mark.parametrize("store", [False, True], ids=["memory", "store"])
@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "free"])
def test_what_is_hidden_has_no_influence(root: Path, policy: str, store: bool) -> None:
    found = answers(root, policy, store)
    first = found["one"]
    leaks = [
        (name, {world: of[name] for world, of in found.items()})
        for name in first
        if any(of[name] != first[name] for of in found.values())
    ]
    assert not leaks, f"{len(leaks)}, such as {leaks[:3]}"


def test_without_a_policy_hidden_files_have_an_influence(root: Path) -> None:
    """Without a policy the answers differ, so each case reads what it should."""
    # Only the kinds of errors are compared: their words show folders of the store, which other tests may make meanwhile.
    found = {
        world: {name: given[:1] if isinstance(given, tuple) else given for name, given in of.items()}
        for world, of in answers(root, "free", False).items()
    }
    different = [name.split(": ") for name in found["one"] if any(of[name] != found["one"][name] for of in found.values())]
    # `..` behind a prefix of the search path goes no higher than its folder, and a copy of b has no secret beside it.
    nowhere = {"search path, dots", "findFile, dots", "link in a copy", "folder's link in a copy", "link to outside in a copy"}
    assert set(WAYS) - {name[-1] for name in different} == nowhere
    assert set(READERS) - {name[0] for name in different} == set()


@pytest.mark.parametrize("store", [False, True], ids=["memory", "store"])
@pytest.mark.parametrize("policy", ["restricted", "allowed", "pure, allowed"])
def test_what_is_allowed_can_be_read(root: Path, tmp_path: Path, policy: str, store: bool) -> None:
    make_world(root, "x")
    nix = Evaluator(**POLICIES[policy](root), **({"store": tmp_path / "store"} if store else {}))
    for name, value in {
        "file of the allowed": "plain\n", "link within the allowed": "plain\n", "copy of the allowed": "plain\n",
        "the allowed in a copy": "plain\n", "import of the allowed": 42, "folder of the allowed": {"b": "directory"},
        "copy with the allowed": {"b": "directory"},
    }.items():  # fmt: skip
        assert answer(nix, OTHERS[name].replace("ROOT", os.fspath(root))) == value, name


@pytest.mark.parametrize("expression", ["readFile ROOT/A/b/f/secret", "readDir ROOT/A/b/f", "hashFile \"sha256\" ROOT/A/b/f/secret",
                                        "pathExists ROOT/A/b/f/secret", "path { path = ROOT/A/b; filter = p: t: true; }", "path { path = ROOT/A/b/f; }"])  # fmt: skip
def test_a_folder_that_becomes_a_link_is_not_followed(root: Path, expression: str) -> None:
    """The folder becomes a link after the first look, when the evaluator knows it as a folder."""
    expression = "builtins." + expression.replace("ROOT", os.fspath(root))
    found = []
    for secret in ("hidden", "something else"):
        shutil.rmtree(root, ignore_errors=True)
        make_world(root, secret)
        folder = root / "A/b/f"
        folder.mkdir()
        (folder / "secret").write_text("mine")
        nix = Evaluator(**POLICIES["allowed"](root))
        assert answer(nix, f"builtins.readFile {folder}/secret") == "mine"
        shutil.rmtree(folder)
        folder.symlink_to("../../other")
        if secret != "hidden":
            (root / "other/only-here").write_text("x")
        found.append(answer(nix, expression))
    assert found[0] == found[1] and found[0] != "hidden"


def test_a_folder_that_becomes_a_link_shows_nothing_hidden(root: Path) -> None:
    """While a folder is read, somebody replaces it by a link, again and again: no hidden file is ever shown."""
    make_world(root, "hidden")
    folder, aside, link = root / "A/b/f", root / "A/b/aside", root / "A/b/to"
    folder.mkdir()
    (folder / "secret").write_text("mine")
    (root / "other/only-here").write_text("hidden")
    link.symlink_to("../../other")
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            os.rename(folder, aside)
            os.rename(link, folder)
            os.rename(folder, link)
            os.rename(aside, folder)

    thread = threading.Thread(target=change)
    thread.start()
    seen = set()
    try:
        for number in range(3000):
            nix = Evaluator(**POLICIES["allowed"](root))
            for expression in (f"builtins.readFile {folder}/secret", f"builtins.readDir {folder}", f'builtins.readFile "${{{folder}}}/secret"',
                               f"builtins.pathExists {folder}/only-here"):  # fmt: skip
                found = answer(nix, expression)
                seen.add(found if isinstance(found, str) else type(found).__name__)
                assert (
                    found != "hidden"
                    and found is not True
                    and "only-here" not in str(found).replace(f"{folder}/only-here", "")
                ), number
    finally:
        stop.set()
        thread.join()
    assert "mine" in seen


def make_archive(folder: Path, contents: str) -> None:
    (folder / "secret").write_text(contents)
    with tarfile.open(folder / "secret.tar", "w") as archive:
        archive.add(folder / "secret", "top/secret")
    (folder / "large").write_text(contents * (6 << 20))


FETCHES = {
    "fetchurl": 'builtins.readFile (builtins.fetchurl "file://FOLDER/secret")',
    "fetchurl, large": 'builtins.substring 0 7 (builtins.readFile (builtins.fetchurl "file://FOLDER/large"))',
    "fetchTree file": 'builtins.readFile (builtins.fetchTree { type = "file"; url = "file://FOLDER/secret"; })',
    "fetchTree tarball": 'builtins.readFile ((builtins.fetchTree { type = "tarball"; url = "file://FOLDER/secret.tar"; }) + "/secret")',
    "fetchTarball": 'builtins.readFile ((builtins.fetchTarball "file://FOLDER/secret.tar") + "/secret")',
}


def change_after_check(monkeypatch: pytest.MonkeyPatch, folder: Path, aside: Path) -> None:
    """Makes a folder a link to `other` as soon as the policy has allowed an address."""
    check = fetch_calls.check_uri

    def check_and_change(access: object, uri: str) -> None:
        check(access, uri)
        folder.rename(aside)
        folder.symlink_to("../../other")

    monkeypatch.setattr(fetch_calls, "check_uri", check_and_change)


@pytest.mark.parametrize("what", FETCHES)
def test_a_folder_that_becomes_a_link_before_it_is_fetched(root: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder becomes a link between the check of an address and the fetch."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    make_world(root, "hidden")
    folder = root / "A/b/f"
    folder.mkdir()
    make_archive(folder, "open to all")
    make_archive(root / "other", "hidden")
    expression = FETCHES[what].replace("FOLDER", str(folder))
    policy = POLICIES["allowed"](root) | {"features": ["fetch-tree", "flakes"]}
    assert str(answer(Evaluator(**policy), expression)).startswith("open to"), "it can be read"
    change_after_check(monkeypatch, folder, root / "A/b/aside")
    found = str(answer(Evaluator(**policy), expression))
    assert "hidden" not in found
    assert folder.is_symlink()


@pytest.mark.parametrize("what", ["fetchTarball", "fetchTree tarball", "fetchurl", "fetchTree file"])
def test_what_is_behind_such_a_link_does_not_show(root: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error shows neither whether a file is there, nor its kind."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    found = set()
    for outside in ("file", "folder", "repository", "nothing"):
        shutil.rmtree(root, ignore_errors=True)
        make_world(root, None)
        folder = root / "A/b/f"
        folder.mkdir()
        make_archive(folder, "open to all")
        for name in ("secret", "secret.tar"):
            if outside == "file":
                (root / "other" / name).write_text("x")
            elif outside != "nothing":
                (root / "other" / name / (".git" if outside == "repository" else "x")).mkdir(parents=True)
        with monkeypatch.context() as patch:
            change_after_check(patch, folder, root / "A/b/aside")
            nix = Evaluator(**POLICIES["allowed"](root), features=["fetch-tree", "flakes"])
            found.add(str(answer(nix, FETCHES[what].replace("FOLDER", str(folder)))))
        assert folder.is_symlink()
    assert len(found) == 1, found


# Links in `A/b`, which `allowed-uris` names by a prefix: some lead out of it, others do not.
ALLOWED_BY_PREFIX = {
    "fetchurl": 'builtins.readFile (builtins.fetchurl "file://PLACE")',
    "fetchTree file": 'builtins.readFile (builtins.fetchTree { type = "file"; url = "file://PLACE"; })',
    "fetchTarball": 'builtins.readFile ((builtins.fetchTarball "file://PLACE.tar") + "/secret")',
    "fetchTree path": 'builtins.readFile (builtins.fetchTree { type = "path"; path = "PLACE"; }).outPath',
    "fetchTree path of the folder": 'builtins.readFile ((builtins.fetchTree { type = "path"; path = "FOLDER"; }) + "/secret")',
    "flake reference": 'builtins.readFile ((builtins.fetchTree "path:FOLDER") + "/secret")',
    "fetchGit": 'builtins.readFile ((builtins.fetchGit "git+file://FOLDER") + "/secret")',
    "fetchGit of a commit": 'builtins.readFile ((builtins.fetchGit { url = "file://FOLDER"; ref = "HEAD"; }) + "/secret")',
    "fetchMercurial": 'builtins.readFile ((builtins.fetchMercurial "file://FOLDER") + "/secret")',
}
SCHEMES = ("file://", "path:", "git+file://", "hg+file://")
LEADS_OUT = ["up/../other", "straight", "full", "twice", "into"]


def make_links(root: Path) -> Path:
    """Folders with the same files below `A/b` and outside, links to both."""
    make_world(root, None)
    inside = root / "A/b"
    for folder, text in ((inside / "own", "open to all"), (root / "other", "hidden")):
        folder.mkdir(exist_ok=True)
        make_archive(folder, text)
        (folder / "large").unlink()
        for words in (["init", "-q"], ["add", "secret"], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "x"]):
            subprocess.run(["git", "-C", str(folder), *words], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"})
        if shutil.which("hg") is not None:
            for words in (["init"], ["add", "-q", "secret"], ["commit", "-q", "-m", "x", "-u", "n"]):
                subprocess.run(["hg", "-R", ".", *words] if words != ["init"] else ["hg", "init"], check=True, cwd=folder, env=os.environ | {"HGRCPATH": ""})
    for name, target in {"straight": "../../other", "full": root / "other", "twice": "straight", "good": "own", "good-again": inside / "good"}.items():
        (inside / name).symlink_to(target)
    for name in ("secret", "secret.tar"):
        (inside / "into").mkdir(exist_ok=True)
        (inside / "into" / name).symlink_to(f"../../../other/{name}")
    for name in (".git", ".hg"):
        (inside / "into" / name).symlink_to(f"../../../other/{name}")
    return inside


def needs_hg(what: str) -> None:
    if what == "fetchMercurial" and shutil.which("hg") is None and not os.environ.get("SNOWSNAKE_ALL_TESTS"):
        pytest.skip("not installed: hg")


@pytest.mark.parametrize("what", ALLOWED_BY_PREFIX)
def test_a_link_below_an_allowed_prefix_leads_nowhere_outside(root: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C++ Nix compares addresses as texts and follows it; we follow what stays below the prefix's own folder."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    needs_hg(what)
    inside = make_links(root)
    prefixes = [f"{scheme}{inside}" for scheme in SCHEMES]

    def ask(folder: str, allowed: list[str]) -> str:
        nix = Evaluator(restricted=True, features=["fetch-tree", "flakes"], settings={"allowed-uris": allowed})
        return str(answer(nix, ALLOWED_BY_PREFIX[what].replace("PLACE", f"{inside}/{folder}/secret").replace("FOLDER", f"{inside}/{folder}")))

    is_copied_link = what in ("fetchTree path of the folder", "flake reference")
    for folder in ("own",) if is_copied_link else ("own", "good", "good-again"):
        assert ask(folder, prefixes).startswith("open to all"), folder
    for folder in LEADS_OUT:
        assert "hidden" not in ask(folder, prefixes), folder
        assert "forbidden" in ask(folder, prefixes), folder
    # The prefixes are whole schemes, so any place is allowed.
    assert is_copied_link or ask("straight", ["file:", "path:", "git+file:", "hg+file:"]) == "hidden"


@pytest.mark.parametrize("what", [name for name in ALLOWED_BY_PREFIX if name != "flake reference"])
def test_a_link_that_appears_below_an_allowed_prefix(root: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link appears after the address was found allowed, and before anything is opened."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    inside = make_links(root)
    check = fetch_calls.check_uri

    def check_and_change(access: object, uri: str) -> None:
        check(access, uri)
        (inside / "own").rename(inside / "aside")
        (inside / "own").symlink_to("../../other")

    monkeypatch.setattr(fetch_calls, "check_uri", check_and_change)
    nix = Evaluator(restricted=True, features=["fetch-tree", "flakes"], settings={"allowed-uris": [f"{scheme}{inside}" for scheme in SCHEMES]})
    expression = ALLOWED_BY_PREFIX[what].replace("PLACE", f"{inside}/own/secret").replace("FOLDER", f"{inside}/own")
    assert "hidden" not in str(answer(nix, expression))
    assert (inside / "own").is_symlink()


@pytest.mark.parametrize("what", ["fetchGit", "fetchGit of a commit", "fetchMercurial"])
@pytest.mark.parametrize("returns", [False, True])
def test_a_link_that_appears_while_a_repository_is_read(root: Path, what: str, returns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libgit2 and hg follow links, so their result is not used, even if everything is back in its place when they have finished."""
    needs_hg(what)
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    inside = make_links(root)
    module, name = (mercurial, "_fetch") if what == "fetchMercurial" else (git, "working_tree" if what == "fetchGit" else "_fetch_commit")
    read = getattr(module, name)
    swaps = []

    def change_and_read(*given: object) -> object:
        swaps.append(what)
        (inside / "own").rename(inside / "aside")
        (inside / "own").symlink_to("../../other")
        try:
            return read(*given)
        finally:
            if returns:
                (inside / "own").unlink()
                (inside / "aside").rename(inside / "own")

    monkeypatch.setattr(module, name, change_and_read)
    nix = Evaluator(restricted=True, features=["fetch-tree", "flakes"], settings={"allowed-uris": [f"{scheme}{inside}" for scheme in SCHEMES]})
    found = str(answer(nix, ALLOWED_BY_PREFIX[what].replace("FOLDER", f"{inside}/own")))
    assert swaps and "is forbidden in restricted mode" in found and "hidden" not in found


GIT = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always"]


def git_output(folder: Path, *words: str) -> str:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run([*GIT, *words], check=True, cwd=folder, env=environment, capture_output=True, text=True).stdout.strip()


def objects_are_a_link(own: Path, other: Path) -> None:
    shutil.rmtree(own / ".git/objects")
    (own / ".git/objects").symlink_to(other / ".git/objects")


def one_folder_of_objects_is_a_link(own: Path, other: Path) -> None:
    for folder in (other / ".git/objects").glob("??"):
        place = own / ".git/objects" / folder.name
        # A folder that both have (their commits, and so their names, differ from run to run) gets links to what it lacks.
        for target, link in [(folder, place)] if not place.exists() else [(file, place / file.name) for file in folder.iterdir()]:
            if not link.exists():
                link.symlink_to(os.path.relpath(target, link.parent))


def an_object_is_a_link(own: Path, other: Path) -> None:
    for file in (other / ".git/objects").glob("??/*"):
        place = own / ".git/objects" / file.relative_to(other / ".git/objects")
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            place.symlink_to(file)


def a_pack_is_a_link(own: Path, other: Path) -> None:
    git_output(other, "gc", "-q")
    for file in (other / ".git/objects/pack").iterdir():
        (own / ".git/objects/pack" / file.name).symlink_to(file)


def an_alternate(own: Path, other: Path) -> None:
    (own / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")


def a_relative_alternate(own: Path, other: Path) -> None:
    (own / ".git/objects/info/alternates").write_text("# a comment\n" + os.path.relpath(other / ".git/objects", own / ".git/objects") + "\n")


def an_alternate_of_an_alternate(own: Path, other: Path) -> None:
    shutil.copytree(own / ".git", own.parent / "between")
    (own / ".git/objects/info/alternates").write_text(f"{own.parent}/between/objects\n")
    (own.parent / "between/objects/info/alternates").write_text(f"{other}/.git/objects\n")


def a_file_for_a_folder(own: Path, other: Path) -> None:
    shutil.rmtree(own / ".git")
    (own / ".git").write_text(f"gitdir: {other}/.git\n")


def a_relative_file_for_a_folder(own: Path, other: Path) -> None:
    shutil.rmtree(own / ".git")
    (own / ".git").write_text(f"gitdir: {os.path.relpath(other / '.git', own)}\n")


def a_common_folder(own: Path, other: Path) -> None:
    for name in ("objects", "refs"):
        shutil.rmtree(own / ".git" / name)
    (own / ".git/commondir").write_text(f"{other}/.git\n")


def a_submodule(own: Path, other: Path) -> None:
    git_output(own, "submodule", "add", "-q", str(other), "part")
    git_output(own, "commit", "-qm", "part")
    # Only the commit has the submodule now.
    shutil.rmtree(own / "part")


def a_link_for_a_submodule(own: Path, other: Path) -> None:
    git_output(own, "submodule", "add", "-q", str(other), "part")
    git_output(own, "commit", "-qm", "part")
    shutil.rmtree(own / "part")
    (own / "part").symlink_to(other)


# Ways to make a repository lead to another one, and the fetches that would show the other one: OTHER is one of its commits.
BY_COMMIT = 'builtins.readFile ((builtins.fetchGit { url = "file://FOLDER"; rev = "OTHER"; allRefs = true; }) + "/secret")'
PARTS = 'builtins.readFile ((builtins.fetchGit { url = "file://FOLDER"; ref = "HEAD"; submodules = true; }) + "/part/secret")'
PARTS_HERE = 'builtins.readFile ((builtins.fetchGit { url = "file://FOLDER"; submodules = true; }) + "/part/secret")'
LEADING_OUT = {
    objects_are_a_link: BY_COMMIT, one_folder_of_objects_is_a_link: BY_COMMIT, an_object_is_a_link: BY_COMMIT, a_pack_is_a_link: BY_COMMIT,
    an_alternate: BY_COMMIT, a_relative_alternate: BY_COMMIT, an_alternate_of_an_alternate: BY_COMMIT, a_file_for_a_folder: BY_COMMIT,
    a_relative_file_for_a_folder: BY_COMMIT, a_common_folder: BY_COMMIT, a_submodule: PARTS, a_link_for_a_submodule: PARTS_HERE,
}  # fmt: skip


@pytest.mark.parametrize("lead", LEADING_OUT, ids=lambda lead: lead.__name__)
def test_a_repository_that_leads_out_is_refused(root: Path, lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a policy the other repository's file is read; below an allowed prefix it is not."""
    inside = make_links(root)
    own, other = inside / "own", root / "other"
    commit = git_output(other, "rev-parse", "HEAD")
    expression = LEADING_OUT[lead].replace("FOLDER", str(own)).replace("OTHER", commit)

    def ask(cache: str, allowed: list[str] | None) -> str:
        monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / cache))
        policy = {} if allowed is None else {"restricted": True, "settings": {"allowed-uris": allowed}}
        return str(answer(Evaluator(features=["fetch-tree", "flakes"], **policy), expression))

    lead(own, other)
    assert ask("free", None) == "hidden"
    refused = ask("restricted", [f"{scheme}{inside}" for scheme in SCHEMES])
    assert "forbidden in restricted mode" in refused and "hidden" not in refused
    assert ask("anywhere", ["file:", "git+file:"]) == "hidden"


def test_a_repository_that_leads_to_what_is_allowed(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linked working trees, alternates and submodules that stay below the prefix are followed."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    inside = make_links(root)
    (inside / "own/secret").write_text("open to all")
    git_output(inside / "own", "worktree", "add", "-q", str(inside / "linked"))
    git_output(inside, "clone", "-q", "--shared", str(inside / "own"), str(inside / "shared"))
    git_output(inside / "shared", "submodule", "add", "-q", str(inside / "own"), "part")
    git_output(inside / "shared", "commit", "-qm", "part")
    nix = Evaluator(restricted=True, features=["fetch-tree", "flakes"], settings={"allowed-uris": [f"{scheme}{inside}" for scheme in SCHEMES]})
    for folder, what in (("linked", "fetchGit"), ("linked", "fetchGit of a commit"), ("shared", "fetchGit"), ("shared", "fetchGit of a commit")):
        assert answer(nix, ALLOWED_BY_PREFIX[what].replace("FOLDER", str(inside / folder))) == "open to all"
    for expression in (PARTS, PARTS_HERE):
        assert answer(nix, expression.replace("FOLDER", str(inside / "shared"))) == "open to all"


def share_of_mercurial(own: Path, other: Path) -> None:
    shutil.rmtree(own / ".hg")
    (own / ".hg").mkdir()
    for name in ("requires", "dirstate"):
        if (other / ".hg" / name).exists():
            shutil.copy(other / ".hg" / name, own / ".hg" / name)
    with open(own / ".hg/requires", "a") as file:
        file.write("shared\n")
    (own / ".hg/sharedpath").write_text(f"{other}/.hg")


def store_of_mercurial(own: Path, other: Path) -> None:
    shutil.rmtree(own / ".hg/store")
    (own / ".hg/store").symlink_to(other / ".hg/store")


@pytest.mark.parametrize("lead", [share_of_mercurial, store_of_mercurial], ids=lambda lead: lead.__name__)
def test_a_mercurial_repository_that_leads_out_is_refused(root: Path, lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_hg("fetchMercurial")
    inside = make_links(root)
    rev = subprocess.run(["hg", "-R", str(root / "other"), "id", "-i", "--debug"], check=True, capture_output=True, text=True).stdout.strip().rstrip("+")
    lead(inside / "own", root / "other")
    expression = f'builtins.readFile ((builtins.fetchMercurial {{ url = "file://{inside}/own"; rev = "{rev}"; }}) + "/secret")'

    def ask(cache: str, **policy: object) -> str:
        monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / cache))
        return str(answer(Evaluator(features=["fetch-tree"], **policy), expression))

    assert ask("free") == "hidden"
    refused = ask("restricted", restricted=True, settings={"allowed-uris": [f"{scheme}{inside}" for scheme in SCHEMES]})
    assert "forbidden in restricted mode" in refused and "hidden" not in refused


def test_a_race_of_fetching_shows_nothing_hidden(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder changes places with a link while what is in it is fetched, and while a tree is looked at."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    inside = make_links(root)
    (root / "other/only-here").write_text("hidden")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(inside / "own", inside / "aside")
            os.rename(inside / "straight", inside / "own")
            os.rename(inside / "own", inside / "straight")
            os.rename(inside / "aside", inside / "own")

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    tree = DiskTree(str(inside))
    try:
        for number in range(300):
            nix = Evaluator(restricted=True, features=["fetch-tree", "flakes"], settings={"allowed-uris": [f"file://{inside}", f"path:{inside}"]})
            for what in ("fetchurl", "fetchTarball", "fetchTree path", "fetchTree path of the folder"):
                found = str(answer(nix, ALLOWED_BY_PREFIX[what].replace("PLACE", f"{inside}/own/secret").replace("FOLDER", f"{inside}/own")))
                seen.add(found[:4])
                assert "hidden" not in found, (number, what)
            for _ in range(20):
                try:
                    assert tree.kind(b"own/only-here") is None
                except OSError:
                    pass
    finally:
        stop.set()
        thread.join()
    assert "open" in seen


def changed(root: Path) -> Path:
    """A tree, and beside it the folder to which a link in the place of one of its folders will lead."""
    make_world(root, "hidden")
    (root / "other/secret").write_text("hidden")
    (root / "other/link").symlink_to("hidden")
    folder = root / "A/b/f"
    folder.mkdir()
    (folder / "secret").write_text("mine")
    (folder / "link").symlink_to("mine")
    return root / "A/b"


def change(tree: Path) -> None:
    (tree / "f").rename(tree.parent / "aside")
    (tree / "f").symlink_to("../../other")


def test_a_folder_of_a_tree_that_becomes_a_link_is_an_error(root: Path) -> None:
    whole = changed(root)
    trees = [DiskTree(str(whole)), PartOfDisk(str(whole), lambda: [b"f/secret", b"f/link"]), PartOfDisk(str(whole), lambda: [b"f"])]
    for tree in trees:
        assert tree.read(b"f/secret") == b"mine" and tree.link(b"f/link") == b"mine" and tree.kind(b"f") == "directory"
    change(whole)
    for tree in trees:
        for look in (tree.read, tree.link):
            with pytest.raises(OSError):
                look(b"f/secret" if look == tree.read else b"f/link")
        # The error shows neither whether a file is there nor its kind.
        with pytest.raises(OSError):
            tree.kind(b"f/secret")
    for tree in (trees[0], trees[2]):
        with pytest.raises(OSError):
            tree.list(b"f")


def test_a_folder_becomes_a_link_while_it_is_hashed(root: Path) -> None:
    whole = changed(root)

    def look(path: str, kind: str) -> bool:
        # The folder of this path has been listed.
        if path.endswith("/secret"):
            change(whole)
        return True

    with pytest.raises(OSError):
        nar.path_digest("sha256", str(whole), look, exact=True)


def test_a_folder_of_a_working_tree_becomes_a_link(root: Path) -> None:
    whole = changed(root)
    for words in (["init", "-q"], ["add", "f/secret", "f/link"]):
        subprocess.run(["git", "-C", str(whole), *words], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"})
    index = GitIndex((whole / ".git/index").read_bytes(), os.fsencode(whole))
    assert index.nar_digest()[1] > 0
    change(whole)
    with pytest.raises(OSError):
        index.nar_digest()


def test_the_table_has_every_reader() -> None:
    assert len(READERS) * len(WAYS) + len(OTHERS) == sum(1 for _ in cases())


FOLDER = Path(__file__).resolve().parent.parent / "differential"
RECORDED = json.loads((FOLDER / "policies_recorded.json").read_text(encoding="utf-8"))
# Cases that differ from C++ Nix (docs/differences.md); none of them shows what C++ Nix hides.
KNOWN = {policy: set(names) for policy, names in json.loads((FOLDER / "policies_known.json").read_text(encoding="utf-8")).items()}


@pytest.mark.parametrize("policy", RECORDED)
def test_policies_show_and_hide_what_nix_shows_and_hides(root: Path, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers are those of C++ Nix 2.34, with the same words (tools/record_policies.py)."""
    monkeypatch.setenv("SECRET", "s")
    make_world(root, SECRETS["one"])
    options = POLICIES[policy](root)
    programs = dict(cases())
    different = {}
    for wanted, names in RECORDED[policy].items():
        for name in names:
            nix = Evaluator(**options)
            try:
                got = json.dumps(nix.evaluate(programs[name].replace("ROOT", os.fspath(root))).to_python(), separators=(",", ":"))
            except EvaluationError as error:
                got = f"error: {error.message}"
            if readable(" ".join(got.split()), root) != " ".join(wanted.split()):
                different[name] = (readable(got, root), wanted)
    known = {name for name in different if name in KNOWN[policy]}
    assert different.keys() - known == set(), list(different.items())[:5]
    assert KNOWN[policy] == known


def test_a_folder_that_is_read_as_a_file_leaves_no_descriptor(tmp_path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for tree in (DiskTree(tmp_path.parent), DiskTree(tmp_path.parent, is_exact=True)):
        with pytest.raises(IsADirectoryError):
            tree.read(os.fsencode(tmp_path.name))
    assert len(os.listdir("/proc/self/fd")) == before
