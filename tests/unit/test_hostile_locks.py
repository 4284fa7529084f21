"""Lock files that lie: whatever a lock file says, a policy shows nothing that it hides, and no lie about contents is believed."""

import json
import subprocess
from pathlib import Path

import pytest

from snowsnake.api import EvaluationError, Evaluator
from snowsnake.store.hash import Hash

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
SECRET = "what nobody may see"
FLAKE = '{ inputs.a.url = "URL"; inputs.a.flake = false; outputs = { self, a }: { x = builtins.readFile "${a}/secret"; }; }\n'


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`in/open` may be read, `hidden` not; both are Git repositories."""
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, text in (("in/open", "open to all"), ("hidden", SECRET)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "secret").write_text(text)
        (folder / "flake.nix").write_text("{ outputs = _: { }; }\n")
        for words in (["init", "-q"], ["add", "."], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *words], cwd=folder, check=True)
    (tmp_path / "in/flake").mkdir()
    (tmp_path / "in/open/link").symlink_to("../../hidden")
    return tmp_path


def revision(folder: Path) -> str:
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def tree_hash(folder: Path) -> str:
    """The hash of the files that Git tracks."""
    copy = folder.parent / f"copy-of-{folder.name}"
    subprocess.run(["git", "clone", "-q", str(folder), str(copy)], check=True)
    subprocess.run(["rm", "-rf", str(copy / ".git")], check=True)
    return Hash.of_path(copy).sri


# False entries `locked` for a flake whose input is `open`; HASH is the hash of `hidden`.
LIES = {
    "path": lambda root: {"type": "path", "path": f"{root}/hidden", "narHash": Hash.of_path(root / "hidden").sri, "lastModified": 1},
    "path, no hash": lambda root: {"type": "path", "path": f"{root}/hidden"},
    "path with dots": lambda root: {"type": "path", "path": f"{root}/in/open/../../hidden", "narHash": Hash.of_path(root / "hidden").sri},
    "path behind a link": lambda root: {"type": "path", "path": f"{root}/in/open/link", "narHash": Hash.of_path(root / "hidden").sri},
    "git": lambda root: {"type": "git", "url": f"file://{root}/hidden", "rev": revision(root / "hidden"), "ref": "HEAD"},
    "git with a hash": lambda root: {
        "type": "git", "url": f"file://{root}/hidden", "rev": revision(root / "hidden"), "narHash": tree_hash(root / "hidden"),
    },
    "git, dirty": lambda root: {"type": "git", "url": f"file://{root}/hidden"},
    "file": lambda root: {"type": "file", "url": f"file://{root}/hidden/secret", "narHash": "sha256-" + "A" * 43 + "="},
    "folder above": lambda root: {"type": "path", "path": f"{root}", "narHash": Hash.of_path(root / "hidden").sri},
    "wrong hash": lambda root: {"type": "path", "path": f"{root}/in/open", "narHash": "sha256-" + "A" * 43 + "="},
    "hash of something else": lambda root: {"type": "path", "path": f"{root}/in/open", "narHash": Hash.of_path(root / "hidden").sri},
    "another commit": lambda root: {"type": "git", "url": f"file://{root}/in/open", "rev": revision(root / "hidden")},
}  # fmt: skip


def allowed(root: Path) -> dict[str, object]:
    addresses = [f"{start}{root}/in/" for start in ("path:", "git+file://", "file://")]
    return {"restricted": True, "allowed_paths": [root / "in"], "settings": {"allowed-uris": " ".join(addresses)}}


POLICIES = {
    "restricted": allowed,
    "pure, restricted": lambda root: {"pure": True, **allowed(root)},
}


def locked_flake(root: Path, locked: dict) -> str:
    original = {"type": "path", "path": f"{root}/in/open"}
    nodes = {"root": {"inputs": {"a": "a"}}, "a": {"locked": locked, "original": original, "flake": False}}
    (root / "in/flake/flake.nix").write_text(FLAKE.replace("URL", f"path:{root}/in/open"))
    (root / "in/flake/flake.lock").write_text(json.dumps({"version": 7, "root": "root", "nodes": nodes}))
    return f"path:{root}/in/flake?narHash={Hash.of_path(root / 'in/flake').sri.replace('+', '%2B').replace('=', '%3D')}"


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_hidden_comes_out(policy: str, lie: str, world: Path) -> None:
    reference = locked_flake(world, LIES[lie](world))
    nix = Evaluator(**POLICIES[policy](world), features=["flakes"])
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(f'(builtins.getFlake "{reference}").x').to_python()
    assert SECRET not in str(caught.value)
    assert str(caught.value).count("fault of the evaluator") == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_open_comes_out(policy: str, world: Path) -> None:
    """An honest lock file is accepted, so the cases above are refused for their lies."""
    locked = {"type": "path", "path": f"{world}/in/open", "narHash": Hash.of_path(world / "in/open").sri, "lastModified": 1}
    nix = Evaluator(**POLICIES[policy](world), features=["flakes"])
    assert nix.evaluate(f'(builtins.getFlake "{locked_flake(world, locked)}").x').to_python() == "open to all"


def test_what_was_fetched_before_is_hidden_as_well(world: Path) -> None:
    """The cache has the source under its hash, but a lock file with that hash and an allowed place still does not get it."""
    free = Evaluator(features=["flakes"])
    honest = locked_flake(world, LIES["git with a hash"](world))
    assert free.evaluate(f'(builtins.getFlake "{honest}").x').to_python() == SECRET
    nix = Evaluator(**POLICIES["restricted"](world), features=["flakes"])
    for lie in ("hash of something else", "git with a hash", "path"):
        with pytest.raises(EvaluationError) as caught:
            nix.evaluate(f'(builtins.getFlake "{locked_flake(world, LIES[lie](world))}").x').to_python()
        assert SECRET not in str(caught.value)
        subprocess.run(["rm", "-rf", str(world / "copy-of-hidden")], check=True)
