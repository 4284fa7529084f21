"""Our small replacements for modules of the standard library behave as these do."""

import contextlib
import json
import random
import subprocess
import sys

import pytest

from snowsnake.foundation import light_json, scopes
from snowsnake.foundation.sqlite import sqlite3

TEXTS = ("", "a", 'say "no"\\\n', "\x00\x1f\x7f", "é\u2028\U0001f600", "\ud800")
BAD = (
    "", "{", '{"a"', '{"a":1', '"x', '"\\', '"\\x"', "[1,]", "1 2", "\ufeff1", '{"a":1,}', '"\n"', "nul", "[1" * 3, "-", "01", '{"a" 1}', "[" * 2000, "\t", '"\\u12"',
    b"\xff", b"\xef\xbb\xbf1", b"\x00", '1'.encode("utf-16"),
)  # fmt: skip


def made(chance: random.Random, depth: int) -> object:
    kind = chance.randrange(8 if depth else 6)
    if kind < 2:
        return chance.choice((None, True, False, 0, -1, 10**30, 1.5, 1e300, -0.0))
    if kind < 6:
        return chance.choice(TEXTS)
    values = [made(chance, depth - 1) for _ in range(chance.randrange(4))]
    return values if kind == 6 else {chance.choice(TEXTS) + str(number): value for number, value in enumerate(values)}


@pytest.mark.parametrize("seed", range(50))
def test_light_json_writes_what_json_writes(seed: int) -> None:
    data = made(random.Random(seed), 4)
    for is_compact in (False, True):
        for is_ascii in (False, True):
            for sorts_keys in (False, True):
                text = json.dumps(data, ensure_ascii=is_ascii, sort_keys=sorts_keys, separators=(",", ":") if is_compact else None)
                assert light_json.dumps(data, is_compact=is_compact, is_ascii=is_ascii, sorts_keys=sorts_keys) == text
                for given in (text, f" \t{text}\n", text.encode("utf-8", "surrogatepass")):
                    assert repr(light_json.loads(given)) == repr(json.loads(given))
    assert light_json.indented(data) == json.dumps(data, ensure_ascii=False, sort_keys=True, indent=2)


@pytest.mark.parametrize("text", BAD)
def test_faults_of_json_are_those_of_the_standard_library(text: str | bytes) -> None:
    def outcome(loads) -> str:
        try:
            return repr(loads(text))
        except (ValueError, RecursionError) as error:
            return f"{type(error).__name__} {error}"

    assert outcome(light_json.loads) == outcome(json.loads)


BEFORE_JSON = """
import sys
from snowsnake.foundation import light_json
for text in {texts!r}:
    for name in [name for name in sys.modules if name.partition(".")[0] == "json"]:
        del sys.modules[name]
    try:
        print(ascii(light_json.loads(text)))
    except (ValueError, RecursionError) as error:
        print(type(error).__name__, ascii(str(error)))
"""


def test_faults_of_json_before_json_is_imported() -> None:
    """Each fault as the first of its process, whose interpreter has not imported `json`: the scanner of CPython 3.11 then raises no exception of its own."""

    def outcome(text: str | bytes) -> str:
        try:
            return ascii(json.loads(text))
        except (ValueError, RecursionError) as error:
            return f"{type(error).__name__} {ascii(str(error))}"

    # How deep the scanner goes depends on the caller's depth.
    texts = [text for text in BAD if text != "[" * 2000]
    done = subprocess.run([sys.executable, "-c", BEFORE_JSON.format(texts=texts)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [outcome(text) for text in texts]


def test_nan_and_infinity_are_read_as_by_json() -> None:
    assert repr(light_json.loads("[NaN, Infinity, -Infinity]")) == repr(json.loads("[NaN, Infinity, -Infinity]"))
    with pytest.raises(TypeError, match="not JSON serializable"):
        light_json.dumps({1, 2})


def test_json_works_without_the_scanner_of_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_json, "make_scanner", None)
    assert light_json.loads(light_json.dumps({"a": ["é"]}, is_compact=True)) == {"a": ["é"]}


def outcomes(contextmanager, step: str, block: Exception | None) -> list[str]:
    """What happens when a scope does *step* after its block, which raises *block*."""
    seen: list[str] = []

    @contextmanager
    def scope():
        try:
            yield "entered"
        except Exception as error:
            seen.append(f"saw {error!r}")
            if step == "raises the same":
                raise
            if step == "raises another":
                raise KeyError("another") from None
            if step == "yields again":
                yield
        finally:
            seen.append("left")
        if step == "goes on":
            yield

    try:
        with scope() as found:
            seen.append(found)
            if block is not None:
                raise block
        seen.append("after")
    except Exception as error:
        seen.append(type(error).__name__)
    return seen


@pytest.mark.parametrize("step", ("ends", "raises the same", "raises another", "yields again", "goes on"))
@pytest.mark.parametrize("block", (None, ValueError("x"), StopIteration("y"), RuntimeError("z")))
def test_light_context_managers_do_what_those_of_contextlib_do(step: str, block: Exception | None) -> None:
    ours, theirs = outcomes(scopes.contextmanager, step, block), outcomes(contextlib.contextmanager, step, block)
    # When that generator ends depends on the version of Python.
    if step == "yields again":
        ours, theirs = [word for word in ours if word != "left"], [word for word in theirs if word != "left"]
    assert ours == theirs


def test_the_light_sqlite_is_the_interpreter_s_own() -> None:
    assert sqlite3.connect(":memory:").execute("select 1").fetchall() == [(1,)]
    assert issubclass(sqlite3.OperationalError, sys.modules["_sqlite3"].Error)
