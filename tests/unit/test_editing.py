"""Edits of Nix source change values at their places and leave every other byte as it was."""

import pytest

import snowsnake
from snowsnake import Raw
from snowsnake.editing import Edits

SOURCE = """\
# a package
{ lib, fetchurl, mkDerivation }:   # called by name

let inherit (lib) x; in
mkDerivation rec {
  pname = "hello";   version = "1.0"; # keep this
  src = fetchurl {
    url = "mirror://gnu/${pname}-${version}.tar.gz";
    sha256 = "old";
  };
  passthru = { a.b.c = [ 1 2 ]; "d.e" = true; };
}
"""
EDITS = [
    ("version", "1.1", '"1.0"', '"1.1"'), ("src.sha256", 'new "${x}"', '"old"', '"new \\"\\${x}\\""'), ("passthru.a.b.c", [3, -4], "[ 1 2 ]", "[ 3 (-4) ]"),
    ('passthru."d.e"', None, "true", "null"), ("pname", Raw("lib.name"), '"hello"', "lib.name"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "old", "new"), EDITS)
def test_one_value_is_changed_and_nothing_else(path, value, old, new):
    assert Edits(SOURCE).set(path, value).text == SOURCE.replace(old, new, 1)


def test_several_values_are_changed_at_once():
    text = Edits(SOURCE).set("version", "2").set("src.sha256", "h").set("version", "3").text
    assert text == SOURCE.replace('"1.0"', '"3"').replace('"old"', '"h"')


def test_a_value_is_found_by_its_place():
    place = snowsnake.evaluate(SOURCE.replace("mkDerivation", "")).position() and (6, 22)
    assert Edits(SOURCE).at(*place, "9").text == SOURCE.replace('"1.0"', '"9"')
    for wrong in ((1, 1), (6, 23), (99, 1)):
        with pytest.raises(snowsnake.MissingAttribute):
            Edits(SOURCE).at(*wrong, "9")


def test_paths_that_cannot_be_edited_are_errors():
    edits = Edits(SOURCE)
    # The last path is a set that is defined only by its parts.
    for path in ("zzz", "src.zzz", "lib", "", "passthru.a.b"):
        with pytest.raises(KeyError):
            edits.set(path, 1)
    with pytest.raises(snowsnake.EvaluationError, match="2 times"):
        Edits("[ { a = 1; } { a = 2; } ]").set("a", 3)
    with pytest.raises(ValueError, match="two edits"):
        Edits("{ a = { b = 1; }; }").set("a.b", 2).set("a", 3)
    with pytest.raises(snowsnake.SyntaxFault):
        Edits("{ a = ; }")
    with pytest.raises(snowsnake.SyntaxFault):
        _ = Edits("{ a = 1; }").set("a", Raw("1 +")).text
    with pytest.raises(TypeError):
        Edits(b"{ }")
    with pytest.raises(TypeError):
        Edits("{ a = 1; }").set("a", object())
