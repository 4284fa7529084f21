"""Flakes in the library: locks without evaluation, outputs as a tree, values."""

import os
import subprocess

import pytest

import snowsnake
from snowsnake.diagnostics.error import EvaluationError

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
pytest.importorskip("pygit2")
from snowsnake import flake  # noqa: E402

SETTINGS = {"flake-registry": "", "warn-dirty": "false"}
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_COMMITTER_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_EMAIL": "a@b",
}


def repository(folder, text: str) -> None:
    folder.mkdir()
    (folder / "flake.nix").write_text(text)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=folder, env=os.environ | GIT, check=True)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NIX_CONFIG", "flake-registry =\nextra-experimental-features = flakes")
    repository(tmp_path / "dep", "{ outputs = { self }: { x = 1; }; }")
    repository(
        tmp_path / "top",
        f'{{ description = "top"; inputs.dep.url = "git+file://{tmp_path}/dep"; outputs = {{ self, dep }}: '
        '{ y = dep.x + 1; z = 3; packages.x86_64-linux.bad = throw "no"; packages.x86_64-linux.good = derivation '
        '{ name = "n"; system = "s"; builder = "b"; }; }; }',
    )
    return tmp_path


def flakes(world, **options) -> flake.Flakes:
    return flake.Flakes(settings=SETTINGS | {"system": "x86_64-linux"}, base=world, **options)


def test_metadata_writes_nothing(world) -> None:
    found = flakes(world).metadata("./top")
    assert found.description == "top" and set(found.lock_file.root.inputs) == {"dep"}
    assert not (world / "top" / "flake.lock").exists()


def test_lock_and_update_write_the_lock_file(world) -> None:
    flakes(world).lock("./top")
    before = (world / "top" / "flake.lock").read_text()
    assert flake.read_lock(world / "top" / "flake.lock").to_text() + "\n" == before
    (world / "dep" / "new").write_text("")
    for words in (["add", "-A"], ["commit", "-q", "-m", "y"]):
        subprocess.run(["git", *words], cwd=world / "dep", env=os.environ | GIT, check=True)
    flakes(world).lock("./top")
    assert (world / "top" / "flake.lock").read_text() == before
    flakes(world).update("./top", "dep")
    assert (world / "top" / "flake.lock").read_text() != before


def test_a_failing_output_does_not_end_the_rest(world) -> None:
    def leaves(output):
        if output.kind != "folder":
            return [output]
        return [leaf for child in output.children() for leaf in leaves(child)]

    tree = flakes(world).show("./top")
    top = {child.name: child for child in tree.children()}
    found = {leaf.name: leaf for name in ("y", "z") for leaf in leaves(top[name])}
    assert all(leaf.kind == "unknown" and leaf.error is None for leaf in found.values())
    system = next(top["packages"].children())
    packages = {child.name: child for child in system.children()}
    assert packages["good"].kind == "derivation" and packages["good"].derivation_name == "n"
    assert packages["bad"].error is not None and packages["bad"].error.message == "no"


def test_an_evaluator_has_flakes(world) -> None:
    nix = snowsnake.Evaluator(features=["flakes"])
    value = nix.flake(f"{world}/top")
    assert value["y"].to_python() == 2 and value["inputs"]["dep"]["x"].to_python() == 1
    assert nix.flake(f"{world}/top", attribute="z").to_python() == 3
    with pytest.raises(EvaluationError, match="does not provide attribute"):
        nix.flake(f"{world}/top", attribute="nosuch")


def test_an_input_that_is_not_touched_is_not_fetched(world, monkeypatch) -> None:
    flakes(world).lock("./top")
    (world / "dep").rename(world / "gone")
    monkeypatch.setenv("SNOWSNAKE_CACHE_DIR", str(world / "empty"))
    nix = snowsnake.Evaluator(features=["flakes"])
    value = nix.flake(f"{world}/top")
    assert value["z"].to_python() == 3
    with pytest.raises(EvaluationError):
        value["y"].to_python()


def test_restricted_evaluation_fetches_only_what_is_allowed(world) -> None:
    nix = snowsnake.Evaluator(features=["flakes"], restricted=True, allowed_paths=[f"{world}/top"])
    with pytest.raises(EvaluationError, match="forbidden in restricted mode"):
        nix.evaluate(f'(builtins.getFlake "git+file://{world}/top").y').to_python()


def test_pure_evaluation_wants_locked_references(world) -> None:
    nix = snowsnake.Evaluator(features=["flakes"], pure=True)
    with pytest.raises(EvaluationError, match="cannot call 'getFlake' on unlocked flake reference"):
        nix.evaluate(f'builtins.getFlake "git+file://{world}/top"').force()
    rev = subprocess.run(["git", "rev-parse", "HEAD"], cwd=world / "top", capture_output=True, text=True, check=True).stdout.strip()
    with pytest.raises(EvaluationError, match="cannot update unlocked flake input 'dep' in pure mode"):
        nix.evaluate(f'(builtins.getFlake "git+file://{world}/top?rev={rev}").z').force()


def test_lying_lock_files_are_found_out(world) -> None:
    flakes(world).lock("./top")
    path = world / "top" / "flake.lock"
    text = path.read_text()
    start = text.index("sha256-") + 7
    path.write_text(text[:start] + "A" * 43 + "=" + text[start + 44 :])
    nix = snowsnake.Evaluator(features=["flakes"])
    with pytest.raises(EvaluationError, match="mismatch"):
        nix.flake(f"{world}/top")["y"].to_python()
    assert nix.flake(f"{world}/top")["z"].to_python() == 3


# Each way in which a flake can be wrong: (the text of flake.nix or None, the text of flake.lock or None, the reference).
WRONG = {
    "no flake": (None, None, "path:{}/wrong"),
    "no folder": (None, None, "path:{}/nowhere"),
    "no repository": (None, None, "git+file://{}/nowhere"),
    "a malformed reference": (None, None, "github:"),
    "an unknown scheme": (None, None, "nosuch:x"),
    "an unknown name": (None, None, "flake:nosuch"),
    "no set": ("1", None, "path:{}/wrong"),
    "no outputs": ("{ }", None, "path:{}/wrong"),
    "an unknown attribute": ("{ outputs = x: x; nosuch = 1; }", None, "path:{}/wrong"),
    "a description that is no text": ("{ outputs = x: x; description = 1; }", None, "path:{}/wrong"),
    "code among the inputs": ("{ inputs.a.url = 1 + 1; outputs = x: x; }", None, "path:{}/wrong"),
    "an input that is not there": ('{ inputs.a.url = "path:/nowhere/at/all"; outputs = x: { }; }', None, "path:{}/wrong"),
    "an input that follows itself": ('{ inputs.a.follows = "a"; outputs = x: { }; }', None, "path:{}/wrong"),
    "no lock file": ("{ outputs = x: { }; }", "no JSON", "path:{}/wrong"),
    "an old lock file": ("{ outputs = x: { }; }", '{"version": 99}', "path:{}/wrong"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_flake_is_a_flake_error(world, name) -> None:
    source, lock, reference = WRONG[name]
    (world / "wrong").mkdir()
    for file, text in (("flake.nix", source), ("flake.lock", lock)):
        if text is not None:
            (world / "wrong" / file).write_text(text)
    reference = reference.format(world)
    nix = snowsnake.Evaluator(features=["flakes"])
    asked = {
        "metadata": lambda: flakes(world).metadata(reference),
        "show": lambda: list(flakes(world).show(reference).children()),
        "Evaluator.flake": lambda: nix.flake(reference).force(),
        "getFlake": lambda: nix.evaluate(f'builtins.getFlake "{reference}"').force(),
    }
    for ask in asked.values():
        with pytest.raises(snowsnake.FlakeError) as found:
            ask()
        assert found.value.message and found.value.stable_code


def test_what_a_flake_itself_raises_is_of_its_kind(world) -> None:
    nix = snowsnake.Evaluator(features=["flakes"])
    value = nix.flake(f"{world}/top")
    with pytest.raises(snowsnake.Throw):
        value["packages"]["x86_64-linux"]["bad"].force()
    with pytest.raises(snowsnake.FlakeError):
        nix.flake(f"{world}/top", attribute="nosuch")


@pytest.mark.parametrize("scheme", ["path:", "git+file://"])
def test_a_flake_whose_file_changes_is_read_again(world, scheme) -> None:
    """The dependencies of an evaluator include sources: `changed` forgets everything that came from the folder of a copied source."""
    nix = snowsnake.Evaluator(features=["flakes"])
    assert nix.flake(f"{scheme}{world}/top", attribute="z").to_python() == 3
    file = world / "top" / "flake.nix"
    file.write_text(file.read_text().replace("z = 3", "z = 4"))
    assert not nix.changed([world / "topmost"]) and not nix.changed([world / "elsewhere"])
    assert nix.changed([file])
    assert nix.flake(f"{scheme}{world}/top", attribute="z").to_python() == 4


def test_links_in_a_circle_are_an_error(world) -> None:
    """Such links were once followed until Python's stack was full."""
    folder = world / "circle"
    folder.mkdir()
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=folder, env=os.environ | GIT, check=True)
    with pytest.raises(EvaluationError, match="too many|infinite|symlink|symbolic"):
        flakes(world).metadata(f"git+file://{folder}?ref=main&dir=a")
