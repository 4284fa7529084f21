"""The examples: every command in their comments is run, and every Python program.

What they print is kept in tests/examples/; `--accept` rewrites it.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import INSTALLED

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "examples"


def commands() -> list[tuple[str, list[str]]]:
    """(file, words) of each `snowsnake …` in a comment of a Nix file, and of each Python file."""
    found = []
    for path in sorted((ROOT / "examples").iterdir()):
        if path.suffix == ".nix":
            for line in path.read_text().split("\n"):
                if line.startswith("#") and "snowsnake " in line:
                    found.append((path.name, shlex.split(line[line.index("snowsnake ") :])))
        elif path.suffix == ".py":
            found.append((path.name, ["python", f"examples/{path.name}"]))
    return found


def run(words: list[str]) -> str:
    """The output of a command; with its errors if it fails."""
    program = [sys.executable] if words[0] == "python" else [str(INSTALLED / "snowsnake")]
    done = subprocess.run(
        [*program, *words[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    text = done.stdout + (f"exit code {done.returncode}\n{done.stderr}" if done.returncode else "")
    return text.replace(str(ROOT), "<folder>")


@pytest.mark.parametrize("name", sorted({name for name, _ in commands()}))
def test_the_commands_of_each_example_print_what_is_recorded(name, request):
    text = "".join(f"$ {shlex.join(words)}\n{run(words).rstrip()}\n" for file, words in commands() if file == name)
    golden = GOLDEN / f"{name}.txt"
    if request.config.getoption("--accept"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_example_is_run():
    assert {name for name, _ in commands()} == {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert {path.name.removesuffix(".txt") for path in GOLDEN.iterdir()} == {name for name, _ in commands()}


# A question to the service, and its answer: the status, and the JSON of the value or the code of the error.
ASKED = {
    "map (x: x * x) [ 1 2 3 ]": (200, [1, 4, 9]),
    '{ a.b = "é"; c = null; }': (200, {"a": {"b": "é"}, "c": None}),
    "1 +": (422, "SN0021"),
    'throw "no"': (422, "SN0001"),
    "builtins.readFile /etc/passwd": (422, "SN0020"),
    "builtins.fetchurl http://127.0.0.1:1/x": (422, "SN0020"),
    "let f = x: 1 + f x; in f 0": (422, "SN0012"),
    "let f = x: if x == 0 then 0 else f (x - 1); in builtins.foldl' (a: b: a + f 5000) 0 (builtins.genList (i: i) 100000)": (422, "SN0024"),
    "builtins.length (builtins.genList (i: [ i ]) 1000000000)": (422, "SN0013"),
}


def test_the_service_answers_over_http(tmp_path):
    """Several clients ask at once, and some reach their limits; the others get answers all the same."""
    said = tmp_path / "said"
    with said.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "service:app", "--host", "127.0.0.1", "--port", "0"],
            cwd=ROOT / "examples", env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)", said.read_text())) is None:
            assert server.poll() is None, said.read_text()
        address = f"http://127.0.0.1:{found[1]}/evaluate"

        def ask(body: bytes) -> tuple[int, object]:
            request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)["detail"]

        with concurrent.futures.ThreadPoolExecutor(4) as strangers:
            answers = strangers.map(ask, [json.dumps({"expression": text}).encode() for text in ASKED])
        for (text, (status, expected)), (got, answer) in zip(ASKED.items(), answers, strict=True):
            assert (got, answer if status == 200 else answer["code"]) == (status, expected), (text, answer)
        assert ask(b"{")[0] == ask(b'{"expression": 5}')[0] == 422
        assert ask(json.dumps({"expression": "1 + 1"}).encode()) == (200, 2)
    finally:
        server.terminate()
        server.wait(30)
    assert "Traceback" not in said.read_text()
