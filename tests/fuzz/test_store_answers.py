"""Short runs of the fuzzer of answers and logs, and the recorded conversation with 2.34.8's daemon: our requests are the recorded ones."""

import os
import tempfile
from pathlib import Path

import pytest
from conversation import FOLDER, answering, meet, record, talk, write_derivations
from store_answers import FORMATS, REFUSALS
from store_formats import Run

DAEMON = Path(os.environ["SNOWSNAKE_REFERENCES"], "tools/nix-daemon")
# Any change of an archive is noticed, because its hash is known.
REFUSE_ALL = {"cache-archive"}
MUTATIONS = {"daemon": 150, "asked-daemon": 200, "asked-serve": 60, "cache-narinfo": 100, "cache-archive": 100, "cache-info": 60}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_found(name: str) -> None:
    run = Run(name, FORMATS, REFUSALS)
    for sample in run.samples:
        run.check(sample)
    count = MUTATIONS.get(name, 300)
    for seed in range(count):
        assert run.find(seed) == ""
    assert name == "builder" or run.counts["refused"] > count // 10
    assert (run.counts["taken"] > 0) == (name not in REFUSE_ALL)


def test_we_ask_as_it_was_recorded() -> None:
    """Our requests are the same bytes, and we understand the answers of the real daemon."""
    shown: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory() as folder, answering((FOLDER / "answered").read_bytes(), ends=False) as (path, sent):
        write_derivations(folder)
        said = talk(meet(path, folder, lambda text, is_log: shown.append((text, is_log))))
    assert b"".join(sent) == (FOLDER / "asked").read_bytes()
    assert [text for text, is_log in shown if is_log][:2] == ["line one", "line two"]
    assert sum("went wrong" in text for text in said) == 1 and len(said) == 34


def test_the_recording_is_that_of_a_real_daemon() -> None:
    if not DAEMON.exists():
        pytest.skip("no nix-daemon of 2.34.8")
    asked, answered = record(str(DAEMON))
    assert asked == (FOLDER / "asked").read_bytes()
    # Times and numbers of processes differ.
    assert abs(len(answered) - len((FOLDER / "answered").read_bytes())) < 200
