"""Outputs that get their paths from what they contain: the same paths, databases and binary caches as 2.34.8's (contents.json), and what may be believed."""

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from conftest import INSTALLED, SOURCE

from snowsnake.build.sandbox import why_no_sandbox
from snowsnake.store.realisation import Realisation
from snowsnake.store.signing import SecretKey

pytestmark = [pytest.mark.skipif(bool(why_no_sandbox()), reason="no namespaces here"), pytest.mark.bare]
# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("bash",)
EXPRESSION = Path(__file__).with_name("contents.nix")
RECORDED = json.loads(EXPRESSION.with_suffix(".json").read_text())
ATTRIBUTES = "root same dep cut many many.bin deferred further flat text sha1 sha512 fixed structured passed graph".split()
SETTINGS = "experimental-features = ca-derivations dynamic-derivations nix-command\nsandbox-paths = /bin /lib /lib64 /usr\nsubstituters =\nsandbox = true\n"


class World:
    def __init__(self, tmp_path):
        self.tmp_path = tmp_path

    def run(self, tool, *words, store="store", **settings):
        config = SETTINGS + "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in settings.items())
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.tmp_path / "home"), "NIX_CONFIG": config, "NIX_CONF_DIR": str(self.tmp_path),
                       "PYTHONPATH": str(SOURCE)}  # fmt: skip
        return subprocess.run(
            [INSTALLED / tool, *map(str, words), "--store", str(self.tmp_path / store)], env=environment, capture_output=True, text=True,
            cwd=self.tmp_path,
        )  # fmt: skip

    def build(self, attribute, **options):
        done = self.run("snowsnake-build", EXPRESSION, "-A", attribute, "--no-out-link", **options)
        assert done.returncode == 0, done.stderr
        return done

    def database(self, store="store"):
        return sqlite3.connect(self.tmp_path / store / "nix/var/nix/db/db.sqlite")

    def realisations(self, store="store"):
        query = "select drvPath, outputName, v.path from Realisations join ValidPaths v on v.id = outputPath"
        return {tuple(row) for row in self.database(store).execute(query)}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_content_addressed_outputs_are_those_of_nix(world):
    built, results = [], []
    for attribute in ATTRIBUTES:
        done = world.run("snowsnake-build", EXPRESSION, "-A", attribute, "--no-out-link")
        built += [line.split("'")[1] for line in done.stderr.splitlines() if line.startswith("building")]
        results += done.stdout.split()
        if attribute == "sha512":
            assert "fixed output derivation 'sha512' is not allowed to refer to other store paths" in done.stderr
        else:
            assert done.returncode == 0, done.stderr
    # A derivation that resolves to one whose output is there is not built.
    assert built == RECORDED["built"]
    assert results == RECORDED["results"]
    database = world.database()
    objects = database.execute("select path, hash, ca, deriver, ultimate, narSize from ValidPaths order by path")
    assert [list(map(str, row)) for row in objects] == RECORDED["objects"]
    references = "select a.path, b.path from Refs join ValidPaths a on a.id = referrer join ValidPaths b on b.id = reference order by 1, 2"
    assert [list(row) for row in database.execute(references)] == RECORDED["references"]
    # C++ Nix records the outputs that were wanted, we record all that were built.
    assert {tuple(row) for row in RECORDED["realisations"]} <= world.realisations()


def test_content_addressed_outputs_can_be_imported(world):
    expression = (
        f"let x = import {EXPRESSION}; in [ (builtins.readFile (x.root + \"/hi\")) (builtins.readDir x.root) (builtins.pathExists \"${{x.dep}}/nope\")"
        ' (builtins.hashFile "sha256" "${x.dep}/root/hi") (builtins.readFileType "${x.many.bin}/a") (import (builtins.toFile "f" "1 + 1"))'
        ' (builtins.readFile x.deferred == "${x.many.bin} ${x.dep} ${x.deferred}\\n") ]'
    )
    done = world.run("snowsnake-nix", "eval", "--json", "--expr", expression, "--impure")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert found == ["hello\n", {"hi": "regular", "self": "regular"}, False, digest, "regular", 2, False]


def fill(world):
    """A binary cache with everything that `many` and `deferred` are."""
    world.build("deferred", store="first")
    target = f"file://{world.tmp_path}/cache"
    done = world.run("snowsnake-nix", "copy", "--to", target, "-f", EXPRESSION, "root", "dep", "many", "many^bin", "many^doc", "deferred", store="first")
    assert done.returncode == 0, done.stderr
    return target


def test_content_addressed_outputs_are_fetched_from_a_cache(world):
    url = fill(world)
    files = {path.name: json.loads(path.read_text()) for path in (world.tmp_path / "cache/realisations").iterdir()}
    for digest, name, path in RECORDED["realisations"]:
        if path.endswith(("-deferred", "-many", "-many-bin", "-dep", "-root")) and f"{digest}!{name}.doi" in files:
            wanted = {"dependentRealisations": {}, "id": f"{digest}!{name}", "outPath": path.rpartition("/")[2], "signatures": []}
            assert files.pop(f"{digest}!{name}.doi") == wanted
    assert all(name.endswith("!doc.doi") for name in files)
    done = world.build("deferred", store="second", substituters=url, require_sigs="false", max_jobs=0)
    assert done.stdout.strip() in RECORDED["results"]
    assert "building" not in done.stderr
    assert world.realisations("second") <= world.realisations("first")


def test_nobody_is_believed_who_did_not_sign(world):
    url = fill(world)
    done = world.run("snowsnake-build", EXPRESSION, "-A", "root", "--no-out-link", store="second", substituters=url, max_jobs=0)
    assert done.returncode == 100
    assert "as it's not signed by any of the keys in 'trusted-public-keys'" in done.stderr
    key = SecretKey.new("k-1")
    for path in (world.tmp_path / "cache/realisations").iterdir():
        found = Realisation.from_json(json.loads(path.read_text()), "/nix/store")
        found.sign(key)
        path.write_text(json.dumps(found.to_json()))
    world.build("root", store="second", substituters=url, trusted_public_keys=key.public, max_jobs=0)
    for path in (world.tmp_path / "cache/realisations").iterdir():
        path.write_text(path.read_text().replace('"outPath": "', '"outPath": "0'))
    done = world.run("snowsnake-build", EXPRESSION, "-A", "flat", "--no-out-link", store="third", substituters=url, trusted_public_keys=key.public)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "", lambda text: text[:-5], lambda text: "[1]", lambda text: text.replace("!out", "!bin"), lambda text: text.replace("-root", ""),
        lambda text: json.dumps(json.loads(text) | {"outPath": "../../etc/passwd"}), lambda text: json.dumps(json.loads(text) | {"signatures": 1}),
        lambda text: "[" * 100_000,
    ],
)  # fmt: skip
def test_damaged_realisations_are_errors(world, damage):
    url = fill(world)
    for path in (world.tmp_path / "cache/realisations").iterdir():
        path.write_text(damage(path.read_text()))
    done = world.run("snowsnake-build", EXPRESSION, "-A", "root", "--no-out-link", store="second", substituters=url, require_sigs="false")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not world.realisations("second") if (world.tmp_path / "second/nix/var/nix/db/ca-schema").exists() else True


def test_failures_name_what_was_resolved(world):
    world.build("root")
    text = "let x = import %s; in derivation { name = \"bad\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; args = [ \"-c\" \"exit 3\" ]; inherit (x) root; }"
    done = world.run("snowsnake-build", "-E", text % EXPRESSION, "--no-out-link")
    assert done.returncode == 100
    assert "builder failed with exit code 3" in done.stderr
    assert "error: build of resolved derivation '/nix/store/" in done.stderr
