"""`snowsnake.options` finds, documents and decodes options in the form of the module system, and evaluates nothing else."""

import dataclasses
import json

import pytest

import snowsnake
from snowsnake import options

SYSTEM = r"""
let
  declared = loc: more: { _type = "option"; inherit loc; declarations = [ "/etc/web.nix" ]; value = throw "a value"; } // more;
  text = { name = "str"; description = "string"; getSubOptions = loc: { }; };
in {
  services.web = {
    enable = declared [ "services" "web" "enable" ] { type.description = "boolean"; default = false; example = true; description = "Whether."; };
    "a b" = declared [ "services" "web" "a b" ] { type = text; defaultText = { _type = "literalExpression"; text = "pkgs.x"; }; default = throw "default"; };
    hosts = declared [ "services" "web" "hosts" ] {
      description = { _type = "mdDoc"; text = "Its *hosts*."; };
      type = { description = "attribute set of (submodule)"; getSubOptions = loc: {
        root = declared (loc ++ [ "<name>" "root" ]) { type = text; default = /srv; readOnly = true; };
        _module.args = declared (loc ++ [ "_module" "args" ]) { internal = true; };
      }; };
    };
    secret = declared [ "services" "web" "secret" ] { visible = false; type = text; };
    shallow = declared [ "services" "web" "shallow" ] { visible = "shallow"; type.getSubOptions = throw "not looked into"; };
  };
  notes = [ 1 2 ];
  odd._type = x: x;
}
"""


def test_walk_finds_options_in_order() -> None:
    found = list(options.walk(snowsnake.evaluate(SYSTEM)))
    assert [option.name for option in found] == [
        'services.web."a b"', "services.web.enable", "services.web.hosts", "services.web.hosts._module.args",
        "services.web.hosts.<name>.root", "services.web.secret", "services.web.shallow",
    ]  # fmt: skip
    assert [option.path for option in options.walk(snowsnake.evaluate(SYSTEM), sub_options=False)][0] == ("services", "web", "a b")


def test_options_of_modules_have_their_documents() -> None:
    rows = {row.name: row for row in options.document(snowsnake.evaluate(SYSTEM))}
    assert "services.web.secret" not in rows and "services.web.hosts._module.args" not in rows
    assert rows["services.web.enable"] == options.OptionDoc(
        "services.web.enable", ["services", "web", "enable"], "boolean", "Whether.", "false", "true", ["/etc/web.nix"]
    )
    assert rows['services.web."a b"'].default == "pkgs.x"
    root = rows["services.web.hosts.<name>.root"]
    assert (root.default, root.read_only, root.description) == ("/srv", True, None)
    assert rows["services.web.hosts"].description == "Its *hosts*."
    assert len(options.document(snowsnake.evaluate(SYSTEM), hidden=True)) == len(rows) + 2


def test_options_are_written_as_json() -> None:
    value = snowsnake.evaluate(SYSTEM)
    rows = json.loads(options.to_json(value))
    assert rows["services.web.enable"] == {
        "declarations": ["/etc/web.nix"], "default": {"_type": "literalExpression", "text": "false"}, "description": "Whether.",
        "example": {"_type": "literalExpression", "text": "true"}, "loc": ["services", "web", "enable"], "readOnly": False, "type": "boolean",
    }  # fmt: skip
    page = options.to_markdown(value, level=3)
    assert page.count("### ") == 5 and "services.web.hosts.\\<name\\>.root" in page and "*(read only)*" in page


def test_decoding_evaluates_what_the_type_names() -> None:
    @dataclasses.dataclass
    class Shown:
        loc: list[str]
        description: str | dict[str, str] = ""

    found = options.decode(snowsnake.evaluate(SYSTEM), Shown)
    assert found["services.web.enable"] == Shown(["services", "web", "enable"], "Whether.")


def test_faults_are_told_or_raised() -> None:
    value = snowsnake.evaluate('{ a = throw "no a"; b = { _type = "option"; type = throw "no type"; }; c = { _type = "option"; }; }')
    with pytest.raises(snowsnake.Throw, match="no a"):
        list(options.walk(value))
    faults = []
    found = list(options.walk(value, on_fault=lambda path, error: faults.append((path, error.message))))
    assert [option.name for option in found] == ["b", "c"] and faults == [(("a",), "no a"), (("b",), "no type")]


@pytest.mark.parametrize("source", ["let x = { inherit x; }; in x", "let f = n: { x = f (n + 1); }; in f 0"])
def test_sets_without_an_end_reach_a_limit(source) -> None:
    with pytest.raises(snowsnake.LimitReached, match="nest more than 500 levels"):
        list(options.walk(snowsnake.evaluate(source)))


@pytest.mark.parametrize("wrong", [None, 1, "options", {"a": 1}, [], object()])
def test_arguments_that_are_not_values_are_refused(wrong) -> None:
    for function in (options.walk, options.document, options.to_json, options.to_markdown):
        with pytest.raises(TypeError, match="options are a Value"):
            list(function(wrong))
    assert list(options.walk(snowsnake.evaluate("1"))) == []
