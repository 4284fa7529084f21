"""`snowsnake-eval-jobs`: its lines, beside recorded ones; the derivations that they name are those of nix-instantiate."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cases import CASES, ROOTS, expression

RECORDED = Path(__file__).with_name("lines.json")
REFERENCE = Path.home() / ".cache/snowsnake-refs/tools/nix-instantiate"


def shown(result: subprocess.CompletedProcess, tmp_path: Path) -> dict:
    def plain(data: bytes) -> str:
        return data.decode().replace(str(tmp_path), "TMP").replace(ROOTS, "ROOTS")

    return {"code": result.returncode, "lines": plain(result.stdout).splitlines(), "log": plain(result.stderr).splitlines()}


def test_every_case_of_jobs_is_recorded():
    assert sorted(json.loads(RECORDED.read_text())) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_lines_are_the_recorded_ones(name, run_command, tmp_path, request):
    result = run_command("eval_jobs", *CASES[name], "--store", str(tmp_path / "store"))
    found = shown(result, tmp_path)
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if request.config.getoption("--accept"):
        recorded[name] = found
        kept = {name: recorded[name] for name in CASES if name in recorded}
        RECORDED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    assert found == recorded[name]
    for line in found["lines"]:
        assert "\x1b" not in json.loads(line).get("error", "")


@pytest.mark.parametrize("name", ["plain", "metadata", "aggregates", "a circle of aggregates", "applied"])
def test_the_number_of_workers_changes_no_line(name, run_command, tmp_path):
    one = run_command("eval_jobs", *CASES[name], "--store", str(tmp_path / "one"))
    three = run_command("eval_jobs", *CASES[name], "--store", str(tmp_path / "three"), "--workers", "3")
    assert (one.returncode, one.stdout) == (three.returncode, three.stdout)


def test_words_after_two_hyphens_are_arguments(run_command):
    result = run_command("eval_jobs", "--no-instantiate", "--expr", "--", "-1")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert b"unexpected argument '--meta'" in run_command("eval_jobs", "--expr", "{ }", "--", "--meta").stderr


def test_derivations_are_in_the_store(run_command, tmp_path):
    store, roots = tmp_path / "store", tmp_path / "roots"
    result = run_command("eval_jobs", *expression("inputs"), "--store", str(store), "--gc-roots-dir", "roots", "--workers", "2")
    paths = [json.loads(line)["drvPath"] for line in result.stdout.splitlines()]
    assert len(paths) == 3
    for path in paths:
        assert (store / path[1:]).is_file()
        assert os.readlink(roots / os.path.basename(path)) == path
    assert b"3 paths, no faults" in run_command("main", "store", "verify", "--store", str(store)).stdout


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_for_links_that_cannot_be_written_to_ends_no_worker(workers, run_command, tmp_path):
    """Each job without its link is an error, and the run succeeds, as with nix-eval-jobs."""
    (tmp_path / "file").touch()
    result = run_command("eval_jobs", *expression("inputs"), "--store", "./store", "--gc-roots-dir", "file", "--workers", workers)
    errors = [json.loads(line)["error"] for line in result.stdout.splitlines()]
    assert len(errors) == 3 and result.returncode == 0
    assert all("cannot make the link" in text and "File exists" in text for text in errors)


def test_a_derivation_that_is_not_in_the_store_is_an_error(run_command):
    drv = 'derivation { name = "n"; system = "s"; builder = "b"; }'
    root = f'{{ a = {drv} // {{ drvPath = "/nix/store/00000000000000000000000000000000-x.drv"; }}; b = {drv}; }}'
    result = run_command("eval_jobs", "--expr", root, "--store", "./store")
    first, second = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["error"] == "error: path '/nix/store/00000000000000000000000000000000-x.drv' is not valid"
    assert "error" not in second and result.returncode == 0


def test_names_of_derivations_are_the_references(tmp_path):
    """The recorded paths of derivations are those of C++ Nix, which computes them once more."""
    if not REFERENCE.exists() and not shutil.which("nix-instantiate"):
        pytest.skip("no nix-instantiate")
    command = str(REFERENCE) if REFERENCE.exists() else "nix-instantiate"
    recorded = json.loads(RECORDED.read_text())
    wanted = {}
    for line in map(json.loads, recorded["plain"]["lines"]):
        if "drvPath" in line:
            wanted[line["attr"]] = line["drvPath"]
    assert len(wanted) > 6
    for attr, path in wanted.items():
        found = subprocess.run(
            [command, "--eval", "--json", "--readonly-mode", "-E", f"(import {ROOTS}).plain", "-A", f"{attr}.drvPath"],
            capture_output=True, text=True, env=os.environ | {"NIX_STATE_DIR": str(tmp_path), "NIX_REMOTE": "dummy://"},
        )  # fmt: skip
        assert json.loads(found.stdout) == path, found.stderr


def test_an_output_of_a_flake_is_a_root(run_command, tmp_path):
    (tmp_path / "flake.nix").write_text(
        f"{{ outputs = {{ self }}: {{ hydraJobs = {Path(ROOTS).read_text()}; other = 1; }}; }}"
    )
    features = ("--extra-experimental-features", "flakes")
    refused = run_command("eval_jobs", "--flake", f"path:{tmp_path}#hydraJobs.inputs")
    assert (refused.returncode, refused.stdout) == (1, b"") and b"'flakes' is disabled" in refused.stderr
    named = run_command("eval_jobs", *features, "--flake", f"path:{tmp_path}#hydraJobs.inputs", "--store", str(tmp_path / "../store"))
    assert [json.loads(line)["attr"] for line in named.stdout.splitlines()] == ["first", "second", "third"]
    whole = run_command(
        "eval_jobs", *features, "--flake", f"path:{tmp_path}", "--select", "flake: flake.outputs.hydraJobs.inputs", "--store", str(tmp_path / "../store")
    )  # fmt: skip
    assert whole.stdout == named.stdout


def test_a_worker_over_its_limit_is_renewed_and_loses_nothing(run_command):
    """A worker that is over its limit after each job is renewed, and nothing is lost."""
    small = run_command("eval_jobs", *expression("large"), "--no-instantiate", "--max-memory-size", "30")
    usual = run_command("eval_jobs", *expression("large"), "--no-instantiate")
    assert small.returncode == usual.returncode == 0
    assert small.stdout == usual.stdout
    assert len(small.stdout.splitlines()) == 12


def test_zero_workers_evaluate_nothing_and_zero_megabytes_renew_each_worker(run_command):
    """As nix-eval-jobs has it: nobody evaluates even the root; a worker is over a limit of 0 after its first job."""
    none = run_command("eval_jobs", "--expr", 'throw "not evaluated"', "--workers", "0")
    assert (none.returncode, none.stdout, none.stderr) == (0, b"", b"")
    for workers in ("1", "2"):
        alone = run_command("eval_jobs", *expression("large"), "--no-instantiate", "--max-memory-size", "0", "--workers", workers)
        usual = run_command("eval_jobs", *expression("large"), "--no-instantiate")
        assert (alone.returncode, alone.stdout) == (0, usual.stdout)


def test_the_cache_status_asks_binary_caches(run_command, tmp_path):
    """A job whose outputs a substituter has is `cached`."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "nix-cache-info").write_text("StoreDir: /nix/store\n")
    words = [*expression("inputs"), "--check-cache-status", "--store", str(tmp_path / "store"), "--option", "substituters", f"file://{cache}"]
    before = {job["attr"]: job for job in map(json.loads, run_command("eval_jobs", *words).stdout.splitlines())}
    assert {job["cacheStatus"] for job in before.values()} == {"notBuilt"}
    out = before["first"]["outputs"]["out"]
    (cache / f"{os.path.basename(out)[:32]}.narinfo").write_text(
        f"StorePath: {out}\nURL: nar/x.nar\nCompression: none\nNarHash: sha256:{'0' * 52}\nNarSize: 120\nReferences: \n"
    )
    # The answer that a cache does not have a path is remembered.
    fresh = run_command("eval_jobs", *words, "--option", "require-sigs", "false", "--option", "narinfo-cache-negative-ttl", "0")
    after = {job["attr"]: job for job in map(json.loads, fresh.stdout.splitlines())}
    assert (after["first"]["cacheStatus"], after["first"]["isCached"], after["first"]["neededSubstitutes"]) == ("cached", True, [out])
    assert after["second"]["cacheStatus"] == "notBuilt"
