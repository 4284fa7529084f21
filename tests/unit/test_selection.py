"""Functions that a command calls on the way to what was asked for: the call is written nowhere, and its place is the function's, as in 2.34.8."""

import re

import pytest

FILES = {
    "needs.nix": "{ q, ... }: 1",
    "throws.nix": '{ q ? 1, ... }: throw "x"',
    "set.nix": '{ x = { q ? 1, ... }: throw "x"; y = { __functor = self: { b, ... }: 1; };\n  w = { q, ... }: 1; l = [ ({ q, ... }: 1) ]; }',
}
CALL, LACKS = "… from call site", "error: function '{}' called without required argument '{}'"
ANONYMOUS = LACKS.format("anonymous lambda", "q")

# What follows a line is its place, if it has one.
REPORTS = {
    "instantiate needs.nix": [CALL, "needs.nix:1:1", ANONYMOUS, "needs.nix:1:1"],
    "instantiate --eval needs.nix --arg b 1": [CALL, "needs.nix:1:1", ANONYMOUS, "needs.nix:1:1"],
    "instantiate throws.nix": ["… while calling the 'throw' builtin", "throws.nix:1:17", "error: x"],
    "instantiate throws.nix --show-trace": [
        CALL, "throws.nix:1:1", "… while calling anonymous lambda", "throws.nix:1:1",
        "… while calling the 'throw' builtin", "throws.nix:1:17", "error: x",
    ],
    "instantiate set.nix -A x --show-trace": [
        CALL, "set.nix:1:7", "… while calling 'x'", "set.nix:1:7", "… while calling the 'throw' builtin", "set.nix:1:23", "error: x",
    ],
    "instantiate set.nix -A y": [CALL, "set.nix:1:58", LACKS.format("__functor", "b"), "set.nix:1:58"],
    "instantiate set.nix -A l": [CALL, "set.nix:2:29", ANONYMOUS, "set.nix:2:29"],
    "instantiate set.nix -A w": [CALL, "set.nix:2:7", LACKS.format("w", "q"), "set.nix:2:7"],
    # C++ Nix had not evaluated `w` yet when it called it.
    "instantiate set.nix -A w.a": [CALL, LACKS.format("w", "q"), "set.nix:2:7"],
    "instantiate --eval set.nix -A w.a": [CALL, LACKS.format("w", "q"), "set.nix:2:7"],
    "old.env -f set.nix -qaA w": [CALL, LACKS.format("w", "q"), "set.nix:2:7"],
    "old.env -f needs.nix -qa": [CALL, "needs.nix:1:1", ANONYMOUS, "needs.nix:1:1"],
}  # fmt: skip


@pytest.mark.parametrize("command", REPORTS)
def test_a_call_that_is_written_nowhere_is_at_its_function(command, tmp_path, run_command) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text + "\n")
    module, *words = command.split()
    done = run_command(module, *words)
    assert done.returncode == 1
    lines = re.findall(r"(?:… .*|error: .+|\S+:\d+:\d+(?=:$))", done.stderr.decode(), re.MULTILINE)
    assert [line.replace(f"{tmp_path}/", "") for line in lines] == REPORTS[command]
