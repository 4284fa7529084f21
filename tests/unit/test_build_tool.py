"""tools/build.py: how it calls the compiler of an interpreter."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture(scope="module")
def build_tool():
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location("snowsnake_build_tool", TOOLS / "build.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(TOOLS))


@pytest.mark.parametrize(
    "command, program, options",
    [
        ("cc", ["cc"], []),
        ("gcc -pthread", ["gcc"], ["-pthread"]),
        ("gcc -shared -Wl,-O1", ["gcc"], ["-shared", "-Wl,-O1"]),
        ("ccache gcc -shared", ["ccache", "gcc"], ["-shared"]),
        ("'/a folder/cc' -shared", ["/a folder/cc"], ["-shared"]),
    ],
)
def test_a_compiler_may_have_several_words(build_tool, command, program, options):
    assert build_tool.split_command(command) == (program, options)
