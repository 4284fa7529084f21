"""Values as Nix text, JSON and XML: depth, sharing, cycles, and text built while the collector moves everything."""

import json

import pytest

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

NEST = "let nest = n: x: if n == 0 then x else nest (n - 1) [ x ]; in "
SHARE = "let share = n: x: if n == 0 then x else share (n - 1) { a = x; b = x; }; in "


def handle(expression: str, **options):
    return Interpreter(**options).evaluate(expression.encode(), "/")


def text(expression: str, **options) -> str:
    return handle(expression, **options).to_nix(strict=True).decode()


def test_a_million_levels_are_printed() -> None:
    assert text(NEST + "nest 1000000 1") == "[ " * 1_000_000 + "1" + " ]" * 1_000_000


def test_a_million_levels_in_json_and_back() -> None:
    expression = NEST + "builtins.fromJSON (builtins.toJSON (nest 1000000 1)) == nest 1000000 1"
    assert text(expression) == "true"


@pytest.mark.parametrize("builtin", ["toJSON", "toXML"])
def test_cycles_end_in_an_error(builtin: str) -> None:
    with pytest.raises(EvaluationError, match="stack overflow; max-call-depth exceeded"):
        text(f"let x = {{ a = x; }}; in builtins.{builtin} x")
    with pytest.raises(EvaluationError, match="stack overflow; max-call-depth exceeded"):
        text(f"let f = n: {{ a = f (n + 1); }}; in builtins.{builtin} (f 0)")


def test_what_is_shared_is_printed_once() -> None:
    assert text(SHARE + "share 60 1").count("«repeated»") == 59


def test_a_set_in_many_places_is_forced_and_written_each_time() -> None:
    expression = "let x = { a = 1; }; in builtins.toJSON [ x x x ]"
    assert text(expression) == '"[{\\"a\\":1},{\\"a\\":1},{\\"a\\":1}]"'


VALUE = """
let
  path = n: builtins.appendContext "/x${toString n}" {
    "/nix/store/8bifw3b7xz10li6dq9j3s42ax5k5v8cw-${toString n}".path = true;
  };
  value = {
    ints = builtins.genList (n: n - 50) 100;
    paths = builtins.genList path 40;
    nested.sets = builtins.genList (n: { "k${toString n}" = [ n (toString n) ]; }) 30;
    shown = { __toString = self: self.text; text = "é\\n\\"${path 7}"; };
    drv = { outPath = { outPath = path 8; }; };
    simple = [ null true false 1.5 (-0.25) "" [ ] { } ];
  };
in
"""


def test_json_while_everything_moves() -> None:
    for expression in ("builtins.toJSON value", "builtins.getContext (builtins.toJSON value)", "builtins.toXML value.ints"):
        assert text(VALUE + expression, stress=True) == text(VALUE + expression), expression


def test_json_is_what_python_reads() -> None:
    read = json.loads(handle(VALUE + "value").to_json())
    assert read["ints"] == list(range(-50, 50))
    assert read["shown"] == 'é\n"/x7'
    assert read["drv"] == "/x8"
    assert read["simple"] == [None, True, False, 1.5, -0.25, "", [], {}]
    assert list(read) == sorted(read)


def test_the_context_of_much_text_is_gathered_once() -> None:
    expression = VALUE + "builtins.length (builtins.attrNames (builtins.getContext ({}) ))"
    for build in ('builtins.concatStringsSep "," (builtins.genList path 20000)', "builtins.toJSON (builtins.genList path 20000)"):
        assert text(expression.replace("{}", build)) == "20000"


def test_strings_that_are_not_utf8_fail_after_everything_else() -> None:
    half = '(builtins.substring 0 1 "é")'
    with pytest.raises(EvaluationError, match="incomplete UTF-8 string; last byte: 0xC3"):
        text(f"builtins.toJSON {half}")
    with pytest.raises(EvaluationError, match="invalid UTF-8 byte at index 4: 0x64"):
        text(f'builtins.toJSON ("abc" + {half} + "def")')
    with pytest.raises(EvaluationError, match="later"):
        text(f'builtins.toJSON [ {half} (throw "later") ]')


def test_a_partial_application_shows_the_parameter_it_takes() -> None:
    shown = text('builtins.toXML ((first: /* second: */ (second: # third\n third: 1)) "x" "y")')
    assert '<varpat name=\\"third\\" />' in shown


def test_xml_has_the_places_of_functions_and_attributes(tmp_path) -> None:
    file = tmp_path / "places.nix"
    file.write_text("{\n  a = 1;\n  f = x: x;\n}\n")
    shown = Interpreter().evaluate_file(str(file)).to_xml(strict=True, location=True).decode()
    assert f'<attr column="3" line="2" name="a" path="{file}">' in shown
    assert f'<function column="7" line="3" path="{file}">' in shown
    assert "column" not in Interpreter().evaluate_file(str(file)).to_xml(strict=True, location=False).decode()


def test_large_texts_go_out_in_pieces():
    """`--xml` and `--json` write what `to_xml` and `to_json` return; a writer that fails ends the output, and the evaluator goes on."""
    nix = Interpreter()
    value = nix.evaluate(b'builtins.genList (i: { a = i; b = "text ${toString i} <&>"; c = builtins.toXML [ i ]; }) 20000', "/")
    for write_text, text in ((value.write_xml, value.to_xml()), (value.write_json, value.to_json())):
        pieces: list[bytes] = []
        write_text(pieces.append)
        assert len(pieces) > 2 and b"".join(pieces) == text

        def refuse(piece: bytes) -> None:
            raise BrokenPipeError("nobody reads")

        with pytest.raises(BrokenPipeError):
            write_text(refuse)
        assert nix.evaluate(b"1 + 1", "/").to_json() == b"2"


def test_the_text_of_a_long_list_is_whole():
    """The text is joined from pieces of many elements."""
    nix = Interpreter(stress=True)
    text = nix.evaluate(b'toString (builtins.genList (i: if i == 700 then [ i [ ] { outPath = "x"; } ] else i) 1500)', "/").to_json()
    assert text.decode() == '"' + " ".join("700 x" if i == 700 else str(i) for i in range(1500)) + '"'
    with_context = b'builtins.attrNames (builtins.getContext (toString (builtins.genList (i: if i == 3 then builtins.toFile "a" "b" else i) 1500)))'
    assert nix.evaluate(with_context, "/").to_json() == b'["/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"]'
