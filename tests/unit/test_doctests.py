"""The examples in the docstrings of the Python modules."""

import doctest
import importlib

import pytest

MODULES = (
    "snowsnake",
    "snowsnake.api",
    "snowsnake.cli.options",
    "snowsnake.cli.settings",
    "snowsnake.diagnostics.catalogue",
    "snowsnake.diagnostics.error",
    "snowsnake.diagnostics.log",
    "snowsnake.diagnostics.render",
    "snowsnake.diagnostics.suggestions",
    "snowsnake.parsing",
    "snowsnake.selection",
    "snowsnake.source",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
