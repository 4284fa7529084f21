"""Arguments of the library and options of the commands that are out of range, of another type, or hold a NUL: a clear error for each.

Also commands that are started without standard streams.
"""

import importlib
import subprocess
import sys
from collections.abc import Callable

import pytest

import snowsnake
from snowsnake import Evaluator

NUMBERS = [-1, 1 << 70, float("inf"), float("nan"), -0.5, "1", None, b"1"]
CALLS: list[tuple[str, Callable[[], object]]] = [
    *[(f"{name}={bad!r}", lambda name=name, bad=bad: Evaluator(**{name: bad}))
      for name in ("memory_limit_bytes", "depth_limit", "timeout_s", "optimise") for bad in NUMBERS],
    ("features", lambda: Evaluator(features="pipe-operators")),
    ("search path", lambda: Evaluator(search_path={"a": "\0"})),
    ("search path prefix", lambda: Evaluator(search_path={"a\0": "/"})),
    ("allowed paths", lambda: Evaluator(restricted=True, allowed_paths=["\0"])),
    ("store", lambda: Evaluator(store="a\0")),
    ("store", lambda: Evaluator(store=3)),
    ("base path", lambda: Evaluator().evaluate("./a", base_path="/a\0b")),
    ("file", lambda: Evaluator().evaluate_file("/a\0b")),
    ("file", lambda: Evaluator().evaluate_file(3)),
    ("expression", lambda: Evaluator().evaluate(3)),
    ("name of an attribute", lambda: snowsnake.evaluate("a: a")({5: 1})),
    ("name of an attribute", lambda: snowsnake.evaluate("a: a")({None: 1})),
    ("name of an attribute", lambda: snowsnake.evaluate("a: a")({True: 1})),
    ("name of an attribute", lambda: snowsnake.evaluate("a: a")({"a\0b": 1})),
    ("string", lambda: snowsnake.evaluate("a: a")("a\0b")),
    ("string", lambda: snowsnake.evaluate("a: a")([{"x": b"a\0b"}])),
    ("value", lambda: snowsnake.evaluate("a: a")(object())),
    ("level", lambda: snowsnake.compile("1", optimise=7)),
    ("mount", lambda: Evaluator().mount("/nix/store/a\0", object())),
]  # fmt: skip
OPTIONS = {
    "--memory-limit": ["-1", "99999999999999999999", "1e3", "inf", "nan", "1_0", "٣", "", " 1", "x"],
    "--depth-limit": ["-1", "99999999999999999999", "4294967296", "1.5", "inf", "x"],
    "--timeout": ["-1", "inf", "nan", "1e400", "1e3", "٣", "", "1.2.3", "x", "9999999999999"],
    "--optimise": ["-1", "2", "99999999999999999999", "x"],
}
# Texts that are not whole numbers, although `str.isdigit` or `int` accepts some of them.
NO_NUMBERS = ["²", "٣", "1_0", " 1", "-1", "", "x", "1" * 5000]
# Commands that take a whole number: a module, its words with {} for the number, a variable that has it.
TAKERS = [
    ("nix.main", ["ev"], "NIX_GET_COMPLETIONS"),
    ("main", ["ev"], "SNOWSNAKE_GET_COMPLETIONS"),
    ("main", ["cache", "clear", "--fetched", "--cache-dir", ".", "--limit", "{}"], ""),
    ("main", ["jobs", "--workers", "{}", "-E", "{ }"], ""),
    ("main", ["jobs", "--dask", "{}", "."], ""),
    ("eval_jobs", ["--workers", "{}", "--expr", "{ }"], ""),
    ("nix.main", ["store", "info", "--store", "ssh://host:{}/x"], ""),
    ("nix.main", ["edit", "--impure", "--expr", '{ meta.position = "/x:{}"; }'], ""),
    ("old.env", ["-f", "empty.nix", "-qa", "a{{}}"], ""),
    ("old.store", ["--gc", "--max-freed", "{}"], ""),
    ("old.collect_garbage", ["--delete-older-than", "{}d"], ""),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[f"{number} {name}" for number, (name, _) in enumerate(CALLS)])
def test_a_bad_argument_of_a_function_is_a_clear_error(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError, snowsnake.EvaluationError)) as caught:
        call()
    assert str(caught.value) and "fault of the evaluator" not in str(caught.value) and "C unsigned" not in str(caught.value)


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in OPTIONS.items() for value in values])
def test_a_bad_value_of_an_option_is_a_clear_error(option: str, value: str, capfd: pytest.CaptureFixture[str]) -> None:
    from snowsnake.cli.main import main

    assert main(["eval", option, value, "-E", "1"]) == 1
    out, err = capfd.readouterr()
    assert out == "" and option in err and "fault of the evaluator" not in err and "Traceback" not in err


@pytest.mark.parametrize(("module", "words", "variable"), TAKERS, ids=lambda value: value if isinstance(value, str) else "-".join(value[:3]))
def test_what_is_no_whole_number_is_a_clear_error(module: str, words: list[str], variable: str, tmp_path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIX_CONFIG", f"experimental-features = nix-command flakes\nstore = {tmp_path}/store")
    (tmp_path / "empty.nix").write_text("{ }")
    for text in NO_NUMBERS:
        if variable:
            monkeypatch.setenv(variable, text)
        command = importlib.import_module(f"snowsnake.cli.{module}").main
        code = command([word.replace("{}", text) for word in words])
        err = capfd.readouterr().err
        assert "fault of the evaluator" not in err and "Traceback" not in err, (text, err)
        assert code == 1 and err or text == "" or (module, text) == ("nix.main", "-1"), (text, code, err)


@pytest.mark.parametrize(("module", "words"), [("nix.main", ["eval", "--impure", "--expr"]), ("instantiate", ["--eval", "-E"])])
def test_arguments_with_a_nul_are_clear_errors(module: str, words: list[str], run_command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"a\0b")
    for given, what in ((["--arg-from-stdin", "x"], "standard input"), (["--arg-from-file", "x", "file"], "file 'file'")):
        done = run_command(module, *words, "{ x }: 1", *given, stdin=b"a\0b", NIX_CONFIG="experimental-features = nix-command")
        assert done.returncode == 1
        assert done.stderr.decode() == f"error: the contents of {what} cannot be represented as a Nix string: they have a NUL byte\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("words", ["eval -E '1 + 1'", "eval -", "eval -E 'builtins.trace 1 2'", "eval -E 'throw 1'", "parse -", "--help", "eval --bad"])
def test_closed_streams_cause_no_traceback(words: str, closed: str) -> None:
    command = f"{sys.executable} -c 'from snowsnake.cli.main import main; from snowsnake.cli.output import leave; leave(main)' {words} {closed}"
    done = subprocess.run(["sh", "-c", command], input=b"3", capture_output=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done
    assert b"Traceback" not in done.stderr and b"fault of the evaluator" not in done.stderr
    if ">&-" in closed.replace("2>&-", ""):
        assert done.returncode == 1
