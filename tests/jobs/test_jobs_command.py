"""`snowsnake jobs` and `Evaluator.jobs`: the same run as that of snowsnake-eval-jobs, for people and for Python."""

import asyncio
import json

from cases import ROOTS, expression

import snowsnake

ROOT = ["-E", expression("plain")[1]]


def test_summary_counts_jobs_and_causes(run_command):
    result = run_command("main", "jobs", *ROOT, "--workers", "2", "--isolate")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    assert lines[-1] == "13 attributes: 8 derivations (8 for x86_64-linux), 5 errors of 5 causes"
    assert f"     1  this one does not evaluate (at {ROOTS}:17:14)" in lines


def test_failures_are_grouped_by_their_cause(run_command):
    result = run_command("main", "jobs", "-E", "builtins.mapAttrs (n: v: throw \"no '${n}' here\") { a = 1; b = 2; c = { }; }")
    assert result.stdout.decode().splitlines()[:2] == ["     3  no '…' here (at «string»:1:26)", "        a, b, c"]


def test_lines_are_those_of_eval_jobs(run_command, tmp_path):
    lines = run_command("main", "jobs", *ROOT, "--json", "--workers", "2", "--store", "one")
    assert lines.stdout == run_command("eval_jobs", *expression("plain"), "--store", "./two").stdout


def test_page_shows_messages_as_text(run_command, tmp_path):
    run_command("main", "jobs", "-E", "{ x = throw \"<b>\"; }", "--html", "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "1 errors of 1 causes" in page


def test_an_evaluator_iterates_over_jobs():
    nix = snowsnake.Evaluator()
    root = nix.evaluate_file(ROOTS)["inputs"]
    jobs = list(nix.jobs(root, workers=2))
    assert [(job.path, job.fields["name"]) for job in jobs] == [(("first",), "first"), (("second",), "second"), (("third",), "third")]
    assert json.loads(jobs[0].line)["attr"] == "first"


def test_other_tasks_run_meanwhile():
    nix = snowsnake.Evaluator()
    root = nix.evaluate_file(ROOTS)["many"]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    async def count() -> int:
        task = asyncio.create_task(tick())
        found = [job async for job in nix.jobs(root, workers=2)]
        task.cancel()
        return len(found)

    assert asyncio.run(count()) == 300
    assert ticks > 3


def test_features_that_are_no_strings_are_the_error_of_their_job(run_command):
    """They used to end the worker, which was then reported as a crash."""
    for value in ("5", '[ 5 "a" ]', "[ [ ] ]", "null"):
        job = f'derivation {{ name = "x"; system = "s"; builder = "b"; __structuredAttrs = true; requiredSystemFeatures = {value}; }}'
        result = run_command("main", "jobs", "-E", f"{{ a = {job}; }}", "--json")
        (line,) = map(json.loads, result.stdout.decode().splitlines())
        assert line["error"].startswith("error: while parsing derivation 'x': Expected JSON value to be of type "), line
        assert b"fault of" not in result.stderr
