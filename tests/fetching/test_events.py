"""Whole streams of `--log-format internal-json` are those of C++ Nix 2.34 (tools/record_events.py): programs read them to show what is being done."""

import json
import os
import sys
from pathlib import Path

import event_cases
import pytest
from fetch_cases import ENVIRONMENT, HERE, filled
from fetch_server import Server
from fetch_world import make_world

from snowsnake.cli.instantiate import main as instantiate
from snowsnake.cli.nix.main import main as nix
from snowsnake.foundation.log_numbers import new_activity

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
RECORDED = {row["name"]: row for row in map(json.loads, (HERE / "events.jsonl").read_text(encoding="utf-8").splitlines())}
MAIN = {"nix": nix, "nix-instantiate": instantiate}
# What differs on purpose: case -> (text of an event that only one of the two reports, why).
DIFFERENT = {
    "fetchTarball": (" to the store", "an archive was hashed while it was unpacked, and there is no store here to copy it to"),
    "prefetch-file": ("adding 'http", "the file is added at once"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("world"))) / "world"
    make_world(folder)
    server = Server(folder)
    yield folder, server
    server.close()


def without(events: list[str], text: str) -> list[str]:
    """The events of a stream but for the activities whose start has this text."""
    numbers = [json.loads(event)["id"] for event in events if text and text in event]
    return [event for event in events if json.loads(event).get("id") not in numbers]


@pytest.mark.parametrize("name", event_cases.CASES)
def test_events_are_those_of_nix(name, world, tmp_path, monkeypatch, capfd) -> None:
    pytest.importorskip("pygit2")
    folder, server = world
    own = Path(os.path.realpath(tmp_path))
    server.counts.clear()
    command, words = event_cases.CASES[name]

    def fill(text: str) -> str:
        return filled(text, str(folder), server.url).replace("/F/", f"{own}/flake/")

    def plain(text: str) -> str:
        return text.replace(server.url.removeprefix("http://"), "U").replace(str(own), "/O").replace(str(folder), "/W")

    event_cases.prepare(own, fill)
    monkeypatch.chdir(own)
    for variable, value in (ENVIRONMENT | {"HOME": str(own), "SNOWSNAKE_CACHE_DIR": f"{own}/cache", "NIX_CONFIG": event_cases.CONFIG}).items():
        monkeypatch.setenv(variable, value)
    store = ["--store", f"{own}/store"] if command == "nix" else []
    code = MAIN[command]([*map(fill, words), *store, "--log-format", "internal-json"])
    sys.stdout.flush()
    wanted, got = RECORDED[name], event_cases.events(capfd.readouterr().err, plain)
    expected = wanted["events"]
    if command == "nix-instantiate":
        # Without a store, a tree is only hashed.
        got = [event.replace("hashing '", "copying '").replace('hashing \\"', 'copying \\"') for event in got]
        expected = [event.replace(" to the store", "") if '"action": "start"' in event else event for event in expected]
    hidden = DIFFERENT.get(name, ("", ""))[0]
    if hidden:
        expected = wanted["events"]
        assert got != expected, "agrees now: take it off the list"
        expected = without(expected, hidden)
    assert (code, got) == (wanted["code"], expected)


def test_every_recorded_stream_is_a_case() -> None:
    assert list(RECORDED) == list(event_cases.CASES)
    assert set(DIFFERENT) <= set(RECORDED)


@pytest.mark.parametrize(("quiet", "said"), [(0, "trace: t\nevaluation warning: w\n"), (2, "trace: t\nevaluation warning: w\n"), (3, "trace: t\n"), (9, "trace: t\n")])
@pytest.mark.parametrize("command", MAIN)
def test_three_times_quiet_leaves_out_warnings(command, quiet, said, monkeypatch, capfd) -> None:
    for variable, value in (ENVIRONMENT | {"NIX_CONFIG": event_cases.CONFIG}).items():
        monkeypatch.setenv(variable, value)
    words = ["eval", "--expr"] if command == "nix" else ["--eval", "-E"]
    option = ["--option", "nosuch", "1"] if quiet > 2 else []
    assert MAIN[command]([*words, 'builtins.trace "t" (builtins.warn "w" 1)', *option, *["--quiet"] * quiet]) == 0
    assert capfd.readouterr() == ("1\n", said)


def test_activities_of_two_processes_have_different_numbers() -> None:
    """Programs read the events of several processes as one stream; those that a process forked must not repeat its numbers."""
    here = new_activity()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"%d" % new_activity())
        os._exit(0)
    os.waitpid(child, 0)
    there = int(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    assert (here >> 32, there >> 32) == (os.getpid(), child)
