"""The modules of Python that a command loads to report an error: those for traces, but none for JSON or regular expressions."""

import subprocess
import sys

import pytest

HEAVY = {"json", "re", "enum", "collections", "functools", "dataclasses", "typing", "snowsnake.builtins.table"}


@pytest.mark.parametrize("program", ["foo", "let a.b = 1; in a.c.d", "1 + throw \"x\"", "let length = 1; in lenght", "{ a }: a", "map 1 2 3", "[ 1 2"])
def test_no_heavy_module_is_loaded(program, tmp_path):
    code = (
        "import sys; from snowsnake.cli.instantiate import main\n"
        "sys.argv[1:] = ['--eval', '--strict', '-E', sys.argv[1]]\n"
        "try: main()\n"
        "finally: print(*sorted(set(sys.modules) & set(sys.argv[0].split(','))), file=sys.stdout)\n"
    )
    code = code.replace("sys.argv[0].split(',')", repr(HEAVY))
    done = subprocess.run([sys.executable, "-S", "-c", code, program], capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path)})
    assert "error" in done.stderr or program == "{ a }: a"
    loaded = set(done.stdout.split()[-len(HEAVY) :]) & HEAVY
    assert loaded == set(), done.stderr
