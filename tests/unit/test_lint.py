"""The settings `lint-*`; the reports are those of 2.34.8."""

import pytest

import snowsnake
from snowsnake.cli.instantiate import main
from snowsnake.cli.main import main as snowsnake_main

CASES = [
    ("url", "[ http://a.b/c 1 ]", 'URL literals are {} Consider using a string literal "http://a.b/c" instead (lint-url-literals)', "1:3"),
    ("absolute-path", "[ /q/${\"c\"}/d ]", "absolute path literals are not portable. Consider replacing path literal '/q/' by a string, relative path, "
     "or parameter (lint-absolute-path-literals)", "1:3"),
    ("absolute-path", "[ 1 ~/foo ]", "home path literals are not portable. Consider replacing path literal '~/foo' by a string, relative path, "
     "or parameter (lint-absolute-path-literals)", "1:5"),
    ("short-path", "x: a/b", "relative path literal 'a/b' should be prefixed with '.' for clarity: './a/b' (lint-short-path-literals)", "1:4"),
]  # fmt: skip


@pytest.mark.parametrize("parse", [False, True], ids=["eval", "parse"])
@pytest.mark.parametrize(("name", "text", "message", "place"), CASES)
def test_a_discouraged_literal_is_warned_about(name, text, message, place, parse, capfd, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/fake-home")
    assert main(["--parse" if parse else "--eval", f"--lint-{name}-literals", "warn", "-E", text]) == 0
    assert f"warning: {message.format('discouraged.')}\n         at «string»:{place}:\n              1| {text}\n" in capfd.readouterr().err


@pytest.mark.parametrize("parse", [False, True], ids=["eval", "parse"])
@pytest.mark.parametrize(("name", "text", "message", "place"), CASES)
def test_a_disallowed_literal_is_an_error(name, text, message, place, parse, capfd) -> None:
    assert main(["--parse" if parse else "--eval", f"--lint-{name}-literals", "fatal", "-E", text]) == 1
    assert capfd.readouterr().err.startswith(f"error: {message.format('disallowed.')}\n       at «string»:{place}:\n            1| {text}\n")


@pytest.mark.parametrize("text", ["./a", "../a", "<nixpkgs>", '"http://a.b"', "''/x''", "x: x", "a: b: a / b", 'x: x."http://a"', "{ inherit (./x) a; }"])
def test_other_literals_are_not_warned_about(text, capfd) -> None:
    lints = [word for name in ("url", "absolute-path", "short-path") for word in (f"--lint-{name}-literals", "fatal")]
    assert main([*lints, "--parse", "-E", text]) == 0


def test_warned_of_each_time_a_file_is_imported(tmp_path, capfd) -> None:
    """The warnings do not depend on whether the compiled form of a file is kept."""
    (tmp_path / "a.nix").write_text("[ http://a.b/c ]")
    for _ in range(2):
        command = ["eval", "--option", "lint-url-literals", "warn", "-E", f"import {tmp_path}/a.nix"]
        assert snowsnake_main(command) == 0
        assert capfd.readouterr().err.count("URL literals are discouraged") == 1
    assert snowsnake_main(["eval", "-E", f"import {tmp_path}/a.nix"]) == 0
    assert capfd.readouterr().err == ""


def test_a_disallowed_literal_is_an_error_in_python() -> None:
    nix = snowsnake.Evaluator(settings={"lint-url-literals": "fatal"})
    with pytest.raises(snowsnake.EvaluationError, match="URL literals are disallowed") as caught:
        nix.evaluate("[ http://a.b/c ]")
    assert caught.value.code == "syntax"
    assert nix.evaluate('"http://a.b/c"').to_python() == "http://a.b/c"


def test_a_source_that_is_too_deep_to_lint_is_evaluated() -> None:
    """A source that nests too deep for the check is evaluated all the same."""
    nix = snowsnake.Evaluator(settings={"lint-url-literals": "fatal"})
    assert nix.evaluate("(" * 50_000 + "1" + ")" * 50_000).to_python() == 1
    assert nix.evaluate("[" * 50_000 + "]" * 50_000).force() is not None
