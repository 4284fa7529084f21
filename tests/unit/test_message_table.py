"""The table of messages (diagnostics/messages.py), and the check that no words are elsewhere."""

import sys
from pathlib import Path

import pytest

from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.messages import MESSAGES, SPOKEN, TYPES
from snowsnake.traces.cause import FAULTS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_messages  # noqa: E402

ONE = "from a cimport MESSAGE_NO_HOME\n\n\n"


def test_rows_of_the_table_of_messages_fit_together() -> None:
    """Each name occurs once; kinds of errors are those of the catalogue; faults and types of fields exist."""
    names = [message.name for message in MESSAGES]
    assert len(names) == len(set(names))
    codes = {entry.name for entry in CATALOGUE} - {"none"} | set(SPOKEN)
    assert {message.code for message in MESSAGES} <= codes
    assert {message.fault for message in MESSAGES} <= set(FAULTS)
    assert {type_ for message in MESSAGES for _, type_ in message.fields} <= set(TYPES)
    assert not [message.name for message in MESSAGES if message.form.count("%") != 2 * message.form.count("%%") + len(message.fields)]


def test_every_row_is_raised_as_it_is() -> None:
    assert check_messages.wording_faults(ROOT / "src/snowsnake") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('    raise_text(m, 1, format_text("a word"))', "words a message"),
        ('    raise_text(m, 1, format_text(b"%s: word" if x else "%s", y))', "words a message"),
        ("    raise_message(m, worded(MESSAGE_NO_HOME, 1))", "NO_HOME takes 0 arguments, and gets 1"),
        ("    raise_message(m, worded(MESSAGE_NO_FILE, <int>size))", "NO_FILE takes 2 arguments, and gets 1"),
        ("    raise_message(m, worded(MESSAGE_NO_HOME if x else MESSAGE_NO_FILE))", "NO_FILE takes 2 arguments, and gets 0"),
    ],
)
def test_wrong_wordings_are_found(tmp_path, text: str, fault: str) -> None:
    (tmp_path / "some.pyx").write_text(ONE + text + "\n")
    assert [line for line in check_messages.wording_faults(tmp_path) if fault in line]


@pytest.mark.parametrize(
    "text",
    [
        '    raise_text(m, 1, format_text("%s", y))',
        '    name = format_text("%.*s", <int>size_bytes, <const char*>path)',
        "    raise_message(m, worded(MESSAGE_NO_FILE, <int>size, <char*>path))",
        '    raise_message(m, worded(MESSAGE_UNSUPPORTED_FETCH_ARGUMENT, <int>f(a, b), <char*>g("x, y", c), "who"))',
    ],
)
def test_texts_that_are_no_messages_are_not_found(tmp_path, text: str) -> None:
    (tmp_path / "some.pyx").write_text(ONE + text + "\n")
    assert not [line for line in check_messages.wording_faults(tmp_path) if "some.pyx" in line]


def test_a_row_that_nobody_raises_is_found(tmp_path) -> None:
    (tmp_path / "some.pyx").write_text(ONE + "    raise_message(m, worded(MESSAGE_NO_HOME))\n")
    unused = [line for line in check_messages.wording_faults(tmp_path) if "nobody raises" in line]
    assert len(unused) == len(MESSAGES) - 1 and not any(line.endswith(" NO_HOME") for line in unused)
