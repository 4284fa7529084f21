"""The package as other programs see it: how it starts, where it can be imported, and what it leaves behind."""

import subprocess
import sys

import pytest

SUB_INTERPRETER = """
import sys
if {first}:
    import snowsnake
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
try:
    import snowsnake
except ImportError as error:
    assert "sub-interpreter" in str(error) or "subinterpreters" in str(error), error
else:
    raise SystemError("imported")
'''
made = interpreters.create()
failure = interpreters.run_string(made, code)
assert failure is None, failure
print("refused")
"""


def test_python_m_snowsnake_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "snowsnake", "eval", "-E", "1 + 2"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    done = subprocess.run([sys.executable, "-m", "snowsnake", "eval", "-E", "throw ''no''"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and "error: no" in done.stderr


@pytest.mark.parametrize("first", [False, True])
def test_sub_interpreters_are_refused(first: bool) -> None:
    """They are refused also if the main interpreter has imported the module, which CPython would then copy without asking it."""
    done = subprocess.run([sys.executable, "-c", SUB_INTERPRETER.format(first=first)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
