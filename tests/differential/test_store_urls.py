"""URLs of stores: ours accepts and refuses the same ones as 2.34.8 (tools/record_store_urls.py), except those that are listed."""

import json
import os
import sys
import traceback
from pathlib import Path

import pytest
from store_urls import SCHEMES, WORDS, environment, make_world, outcome, urls

CASES = [json.loads(line) for line in (Path(__file__).parent / "urls/recorded.jsonl").read_text(encoding="utf-8").splitlines()]
DIFFERENT = {
    # 2.34.8 shows the value as 0, which a negative number becomes there.
    "dummy://?path-info-cache-size=-1",
}
# These name the machine's own store, which was there when they were recorded.
OF_THE_MACHINE = {"local:/", "local:///", "local-overlay:/", "local-overlay:///"}


def answer(url: str, folder: Path) -> dict:
    """The answer of our command, in a fork of this process, which has imported the command."""
    from snowsnake.cli.nix.main import main

    log = folder / "said"
    variables = environment(str(folder))
    child = os.fork()
    if child == 0:
        code = 99
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            sys.stdout = open(1, "w", closefd=False)
            sys.stderr = open(2, "w", closefd=False, errors="surrogateescape")
            os.chdir(folder / "work")
            os.environ.clear()
            os.environ.update(variables)
            sys.argv = ["nix", *WORDS[1:], url]
            code = main() or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return outcome(os.waitstatus_to_exitcode(status), log.read_bytes(), str(folder))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_answer_is_the_recorded_one(scheme, tmp_path) -> None:
    wrong = []
    for number, case in enumerate(case for case in CASES if case["url"].split(":")[0].split("?")[0].split("#")[0] == scheme):
        folder = Path(os.path.realpath(tmp_path)) / str(number)
        folder.mkdir()
        make_world(folder)
        if case["url"] in OF_THE_MACHINE and not os.path.exists("/nix/var/nix/db/db.sqlite"):
            continue
        ours = answer(case["url"], folder)
        if (ours != case["answer"]) != (case["url"] in DIFFERENT):
            wrong.append((case["url"], case["answer"], ours))
    assert wrong == [], json.dumps(wrong, indent=1)


def test_the_record_is_complete() -> None:
    assert [case["url"] for case in CASES] == urls() and DIFFERENT <= set(urls())
