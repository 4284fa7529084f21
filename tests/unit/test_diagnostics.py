"""Source maps, the catalogue, and how errors are rendered."""

import errno
import os
import pickle
import random
import re
from pathlib import Path

import pytest

from snowsnake import Evaluator, MissingAttribute, NotInSearchPath, Throw
from snowsnake.cli.output import Reporter, guarded
from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.edit_distance import distance
from snowsnake.diagnostics.error import EvaluationError, Frame, make_error
from snowsnake.diagnostics.suggestions import nearest, sentence
from snowsnake.diagnostics.terminal_text import indented
from snowsnake.settings import Settings
from snowsnake.source import Position, SourceMap
from snowsnake.traces.libraries import mark_libraries

SOURCE = "let\n  f = x: x;\n\tg = y: \"é\" + f y;\nin g 1\n".encode()
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        (b"", 0, (1, 1)),
        (b"abc", 2, (1, 3)),
        (b"abc", 99, (1, 4)),
        (b"a\nb", 2, (2, 1)),
        (b"a\n", 2, (2, 1)),
        (b"a\r\nb", 3, (2, 1)),
        (b"a\rb", 2, (2, 1)),
        (b"a\r\rb\n\r\nc", 7, (5, 1)),
    ],
)
def test_offsets_have_lines_and_columns(text, offset, place):
    assert SourceMap(text).place(offset) == place


def test_an_excerpt_has_a_caret_under_the_place():
    position = Position("a.nix", SOURCE, SOURCE.index(b"f y"), SOURCE.index(b"f y") + 3)
    assert (str(position), position.text, position.display_column) == ("a.nix:3:16", "f y", 15)
    assert [number for number, _ in position.excerpt] == [2, 3, 4]


def test_catalogue_follows_the_machine():
    enum = (ROOT / "src/snowsnake/machine/state.pxd").read_text().split("cdef enum ErrorCode")[1].split("\n\n")[0]
    names = re.findall(r"^    ERROR_(\w+)", enum, re.MULTILINE)
    assert len(names) == len(CATALOGUE)
    renamed = {"ASSERT": "assertion"}
    assert [renamed.get(name, name.lower().replace("_", "-")) for name in names] == [entry.name for entry in CATALOGUE]
    assert len({entry.stable_code for entry in CATALOGUE}) == len(CATALOGUE)
    assert all(entry.doc and entry.title for entry in CATALOGUE)


def place(text: bytes):
    start = SOURCE.index(text)
    return ("/a.nix", SOURCE, start, start + len(text))


def test_an_error_has_fields_and_survives_pickling():
    error = make_error(5, b"no \xff", place(b"f y"), [("function", "g", place(b"y:"))], suggestions=[b"length"])
    assert (error.code, error.stable_code, error.is_catchable) == ("type", "SN0005", False)
    assert (error.message, error.suggestions, str(error)) == ("no \ufffd", ["length"], "no \ufffd (at /a.nix:3:16)")
    assert error.trace[0].description == "while calling 'g'"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.message, str(copy.position), copy.trace) == (error.code, error.message, str(error.position), error.trace)


def test_an_error_without_a_place_is_its_message():
    assert EvaluationError("throw", "no").render() == "error: no"
    assert EvaluationError("throw", "two\nlines").render() == "error: two\n       lines"
    assert EvaluationError("throw", "no").render(colours=True) == "\x1b[31;1merror:\x1b[0m no"


def test_long_messages_are_indented_as_short_ones():
    choice = random.Random(1)
    for _ in range(300):
        text = "".join(choice.choices(["a", " ", "\n", "é", "\udcff", "\t", "\r", "\x0b"], k=choice.randrange(12)))
        keeps_last = choice.random() < 0.5
        lines = text.split("\n")
        expected = [(("  " if number else "> ") + line).rstrip(" \t\r\n") for number, line in enumerate(lines)]
        if keeps_last:
            expected[-1] = ("  " if len(lines) > 1 else "> ") + lines[-1]
        assert indented(text, "> ", "  ", keeps_last) == "\n".join(expected), repr(text)


@pytest.mark.parametrize(("fault", "code", "message"), [(KeyboardInterrupt(), 130, "interrupted by the user"), (MemoryError(), 1, "out of memory")])
def test_faults_while_an_error_is_written_end_with_a_line(fault, code, message, capsys):
    class Endless(Reporter):
        def error(self, error):
            raise fault

    def command(words, reporter):
        raise EvaluationError("throw", "a\n")

    assert guarded(command, [], Endless(), "snowsnake") == code
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize("form", ["text", "internal-json", "json"])
def test_no_message_of_a_command_steers_the_terminal(form, capsys):
    """Names and values of settings, paths and lines of builders come from files that somebody else may have written."""
    reporter = Reporter(form)
    hostile = "a\x1b[2J\x1b]0;title\x07\tb\r\x1b[31m"
    for write in (reporter.warning, reporter.note, reporter.failure, reporter.info, lambda text: reporter.building(text, False), lambda text: reporter.notes([text])):
        write(hostile)
    written = capsys.readouterr().err
    assert "a" in written and not any(character in written for character in "\x1b\x07\r\t")


def test_further_lines_of_an_invalid_value_are_below_the_first_one(capsys):
    settings = Settings(Reporter().warning)
    settings.set_or_warn("cores", "a\nb\tc\x1b[1m")
    assert capsys.readouterr().err == "warning: setting 'cores' has invalid value 'a\n         b c'\n"


def test_an_error_of_the_search_path_is_below_the_lookup(run_command):
    done = run_command("instantiate", "--eval", "-E", "builtins.tryEval <a>", "-I", "flake:nixpkgs")
    assert done.stderr.decode() == """error:
       … while calling the 'tryEval' builtin
         at «string»:1:1:
            1| builtins.tryEval <a>
             | ^

       … while calling the 'findFile' builtin
         at «string»:1:18:
            1| builtins.tryEval <a>
             |                  ^

       error: experimental Nix feature 'flakes' is disabled; add '--extra-experimental-features flakes' to enable it
"""


def test_builtin_frame_takes_the_place():
    error = make_error(1, b"no", place(b"f y"), [("builtin", "throw", None)])
    assert error.render().split("\n") == [
        "error:",
        "       … while calling the 'throw' builtin",
        "         at /a.nix:3:16:",
        "            2|   f = x: x;",
        '            3|         g = y: "é" + f y;',
        "             |                      ^",
        "            4| in g 1",
        "",
        "       error: no",
    ]


def test_frames_are_folded_unless_the_trace_is_wanted():
    calls = [("function", "f", place(b"x: x")), ("call", "", place(b"f y"))]
    contexts = [("context", f"step {n}", None) for n in range(3)]
    builtins = [("builtin", "map", place(b"f y")), ("builtin", "filter", place(b"g 1")), ("builtin", "sort", place(b"x;"))]
    error = make_error(1, b"no", None, [*calls, *builtins, *contexts])
    short, full = error.render(), error.render(show_trace=True)
    assert "while calling 'f'" not in short and "while calling 'f'" in full
    assert "'sort'" not in short and "stack trace truncated" in short and "stack trace truncated" not in full
    assert all(f"step {n}" in short for n in range(3))


def library_error(tmp_path, start, folders):
    """An error with frames in proj, in libs/a (three), and in proj again."""
    def at(name):
        return (str(tmp_path / name), b"x: y", 0, 1)

    inside = [("builtin", "map", at("libs/a/lib/lists.nix")), ("function", "f", at("libs/a/lib/lists.nix")), ("text", "in it", None)]
    frames = [("attribute", "a", at("proj/x.nix")), *inside, ("builtin", "sort", at("libs/a/default.nix")), ("builtin", "throw", at("proj/x.nix"))]
    error = make_error(1, b"no", None, frames)
    mark_libraries(error.trace, str(tmp_path / start), [str(tmp_path / folder) for folder in folders], "/nix/store")
    return error


def test_frames_of_libraries_are_folded(tmp_path):
    folded = f"(4 frames in {tmp_path}/libs/a folded; --show-trace shows them)"
    error = library_error(tmp_path, "proj/x.nix", ["libs/a"])
    assert folded in error.render() and "'throw'" in error.render() and "'sort'" not in error.render()
    assert "folded" not in error.render(show_trace=True) and "'sort'" in error.render(show_trace=True)
    (tmp_path / "libs/a").mkdir(parents=True)
    assert "folded" not in library_error(tmp_path, "proj/x.nix", []).render()
    (tmp_path / "libs/a/flake.nix").write_text("{ }")
    # The library is another source tree.
    assert folded in library_error(tmp_path, "proj/x.nix", []).render()
    assert "folded" not in library_error(tmp_path, "libs/a/tests/x.nix", ["libs/a"]).render()


def test_frames_of_libraries_are_marked(tmp_path):
    def library(file, start="/home/me/x.nix"):
        frame = Frame("call", "", Position(file, b"x", 0, 1))
        mark_libraries([frame], start, ["/libs/nixpkgs", "/libs/nixpkgs/lib", "/home/me", "/"], "/nix/store")
        return frame.library

    assert library("/libs/nixpkgs/lib/lists.nix") == "/libs/nixpkgs"
    assert library("/nix/store/abc-source/lib/x.nix") == "/nix/store/abc-source"
    assert library("/libs/nixpkgs/x.nix", "/libs/nixpkgs/pkgs/x.nix") == ""
    assert library("/home/me/lib.nix") == library("«string»") == library("/elsewhere.nix") == ""


def test_an_error_is_reported_whatever_became_of_the_folders(tmp_path, monkeypatch):
    """The working directory was removed, or a link of the search path became a folder while it was followed: the report said that memory ran out."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    evaluator = Evaluator(search_path={"a": tmp_path})
    gone.rmdir()
    for source, kind in (('throw "x"', Throw), ("<b>", NotInSearchPath), ("let f = x: x.y; in f { }", MissingAttribute)):
        with pytest.raises(kind):
            evaluator.evaluate(source, base_path="/").force()

    def fail(path):
        raise OSError(errno.EINVAL, "it is no link any more", path)

    monkeypatch.setattr(os.path, "realpath", fail)
    with pytest.raises(Throw):
        evaluator.evaluate('throw "x"', base_path="/").force()


def test_a_folder_belongs_to_the_innermost_tree():
    asked = []

    def exists(path):
        asked.append(path)
        return path in ("/t/flake.nix", "/t/in/.git")

    files = ["/t/a/x.nix", "/t/in/b/y.nix", "/t/in/z.nix", "/t/a/c/w.nix", "/other/q.nix", "/t/v.nix"]
    frames = [Frame("call", "", Position(file, b"x", 0, 1)) for file in files]
    mark_libraries(frames, "/home/me/x.nix", [], "/nix/store", exists)
    assert [frame.library for frame in frames] == ["/t", "/t/in", "/t/in", "/t", "", "/t"]
    assert len(asked) == len(set(asked)), "each folder is looked at once"


def test_repeated_frames_are_counted():
    frames = [("builtin", "map", place(b"f y"))] * 9
    text = make_error(1, b"no", None, [*frames, ("context", "end", None)]).render(show_trace=True)
    assert text.count("'map'") == 1 and "(8 duplicate frames omitted)" in text
    assert make_error(1, b"no", None, frames[:3]).render(show_trace=True).count("'map'") == 3


def test_a_place_in_a_file_that_is_gone_is_shown_without_lines():
    text = make_error(1, b"no", ("/gone.nix", None, 5, 6)).render()
    assert text == "error: no\n       at /gone.nix:"
    assert make_error(999, b"no").code == "internal"


def test_near_names_are_suggested():
    assert nearest("foldl", ["foldl'", "fold", "map", "foldl"]) == ["foldl", "fold", "foldl'"]
    assert nearest("x", ["aaaa"]) == []
    assert sentence(["a"]) == "Did you mean a?"
    assert sentence(["a", "b"]) == "Did you mean one of a or b?"


def test_frames_are_compared_by_their_fields():
    assert Frame("call", "", None) == Frame("call", "", None) != Frame("call", "x", None)


def whole_table(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def test_distance_near_the_diagonal_is_that_of_the_whole_table():
    chance = random.Random(5)
    for _ in range(3000):
        a = "".join(chance.choice("abé") for _ in range(chance.randrange(9)))
        b = "".join(chance.choice("abé") for _ in range(chance.randrange(9)))
        c = "".join(x for x in a if chance.random() > 0.2)
        for other in (b, c):
            limit = chance.randrange(8)
            assert distance(a, other, limit) == min(whole_table(a, other), limit + 1), (a, other, limit)
            assert distance(a.encode(), other.encode(), limit) == min(whole_table(a.encode(), other.encode()), limit + 1), (a, other, limit)


@pytest.mark.parametrize("limit", [-1, 8])
def test_distance_refuses_a_limit_beyond_its_row(limit):
    with pytest.raises(ValueError, match="limit"):
        distance("a", "b", limit)
