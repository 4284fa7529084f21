"""Every way in which a build fails or is repaired: the output and the exit codes of 2.34.8's `nix-build`, `nix build` and `nix-store`.

In: built_failures/failures.nix, whose builds are run by our own builder.  Out: equal to built_failures/recorded.json, which is recorded again with
`python tests/differential/test_build_failures.py FOLDER [--new]`.  FOLDER has C++ Nix 2.34.8's nix, nix-build, nix-store, nix-instantiate; `--new` records only new lines.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_lines import record, surroundings

HERE = Path(__file__).parent / "built_failures"
RECORDED = HERE / "recorded.json"
KINDS = (
    "fails signal none group fifo nobuilder badbuiltin elsewhere feature wronghash folder executable refers refersright gitwrong gitright disallowed"
    " fixedfails badcheck large graph graphname graphdot graphlist graphnumber halfdone cycle onfails onwrong onelsewhere deep messages"
).split()
_OTHER = re.compile("garbage collector|removing stale link|hard linking is currently saving|deleting ")
# FILE: the file of derivations.
def damaged(*names: str, built: str = "") -> str:
    """Builds *built*, and then writes to the files of some objects."""
    attributes = " ".join(f"-A {name}" for name in (built or names[0]).split())
    paths = " ".join(f"store/*-{name}" for name in names)
    return f"nix-build FILE {attributes} --no-out-link 2> /dev/null && chmod u+w {paths} && echo bad | tee {paths} > /dev/null"


ODD = (
    "notPath plainList checksList checksNumber checksText checksNumbers sizeText sizeNegative sizeFraction sizeNull unknown discardsFlag discardsText discards"
    " featuresText flagText flagNull profileNumber noChrootText hostDeps variables withoutEffect graphElsewhere graphAbsent names refersWrongly refersWronglyFlat"
).split()
PROGRAM = r"""--option external-builders "[{\"systems\":[\"other\",\"mips-plan9\"],\"args\":[\"it\"],\"program\":\"$PWD/external\"}]" """.strip()

LINES = [
    *(f"nix-build FILE -A {kind}" for kind in KINDS),
    *(f"nix build -f FILE {kind} --no-link" for kind in KINDS),
    *(f"nix-store -r $(nix-instantiate FILE -A {kind} 2> /dev/null)" for kind in ("fails", "signal", "none", "elsewhere", "wronghash", "onfails")),
    "nix-build FILE -A graphdeep && sed 's/.*\"x\":\\[/[/' result | tr ',' '\\n' | grep -c references",
    # limits
    "nix-build FILE -A late --timeout 1", "nix-build FILE -A late --max-silent-time 1", "nix build -f FILE late --timeout 1",
    "nix-build FILE -A loud --option max-build-log-size 100 -Q", "nix build -f FILE loud --option max-build-log-size 100",
    "nix-build FILE -A good -j0", "nix build -f FILE good -j0", "nix-build FILE -A elsewhere -j0",
    "nix-build FILE -A feature -j0", "nix-build FILE -A onfails -j0", "nix-build FILE -A onfails -A onwrong -j0 -k", "nix build -f FILE deep -j0",
    "nix-build FILE -A graph -A good -k", "nix-build FILE -A refers -A good -j1 -k", "nix-build FILE -A good -A fifo -k",
    # sums of codes
    "nix-build FILE -A fails -A wronghash -k", "nix-build FILE -A late -A fails -k --timeout 1", "nix-build FILE -A late -A wronghash -k --timeout 1",
    "nix-build FILE -A fails -A signal -A good -k", "nix-build FILE -A wronghash -A wronghash2 -k", "nix-build FILE -A none -A wronghash -k",
    "nix-build FILE -A none -A group -k", "nix-build FILE -A elsewhere -A none -k", "nix-build FILE -A onfails -A onwrong -k",
    "nix-build FILE -A fails -A good -j1", "nix-build FILE -A disallowed -A fails -k", "nix build -f FILE fails wronghash --keep-going",
    "nix build -f FILE onfails onwrong --keep-going", "nix-build FILE -A fails -A onfails", "nix build -f FILE fails onfails",
    "nix-build FILE -A deep -A onfails", "nix build -f FILE deep onfails", "nix-build FILE -A fails -A onfails -k", "nix build -f FILE deep fails --keep-going",
    # checks
    "nix-build FILE -A good --no-out-link && nix-build FILE -A good --check", "nix-build FILE -A good --check",
    "nix-build FILE -A random --no-out-link && nix-build FILE -A random --check",
    "nix-build FILE -A random --no-out-link && nix-build FILE -A random --check -K",
    "nix-build FILE -A random --no-out-link && nix build -f FILE random --rebuild",
    "nix-build FILE -A random --no-out-link && nix-build FILE -A random -A wronghash --check -k",
    "nix-build FILE -A onrandom --no-out-link && nix-build FILE -A onrandom --check",
    "nix-build FILE -A two --no-out-link && nix-build FILE -A two --check",
    "nix build -f FILE good --rebuild", "nix-store -r $(nix-instantiate FILE -A good 2> /dev/null) --check",
    "nix-build FILE -A random --no-out-link && nix-store -r $(nix-instantiate FILE -A random 2> /dev/null) --check",
    # repairs
    f"{damaged('good')} && nix-build FILE -A good --repair && cat result", f"{damaged('good')} && nix build -f FILE good --repair && cat result",
    f"{damaged('good')} && nix-store -r $(nix-instantiate FILE -A good 2> /dev/null) --repair && cat store/*-good",
    f"{damaged('good')} && nix-store --verify --check-contents --repair && cat store/*-good",
    f"{damaged('good')} && nix-store --verify --check-contents; cat store/*-good",
    f"{damaged('good')} && nix-store --repair-path store/*-good && cat store/*-good", f"{damaged('good')} && nix store repair ./store/*-good && cat store/*-good",
    f"{damaged('good')} && nix-store --delete store/*-good.drv --option keep-derivations false && nix-store --repair-path store/*-good",
    f"{damaged('good')} && nix-store --delete store/*-good.drv --option keep-derivations false && nix-store --verify --check-contents --repair",
    f"{damaged('good')} && nix-build FILE -A good --check", f"{damaged('good', built='users')} && nix-build FILE -A users --repair && cat store/*-good",
    f"{damaged('good', built='users')} && nix-store --delete store/*.drv --option keep-derivations false && nix-build FILE -A users --repair && cat store/*-good",
    f"{damaged('good', built='users')} && rm store/*-good && nix-store --verify --repair && cat store/*-good",
    f"{damaged('good', built='users')} && rm store/*-good && nix-store --verify",
    f"{damaged('two-dev', built='two')} && nix-build FILE -A two --repair && cat store/*-two-dev",
    f"{damaged('two-dev', built='two')} && nix-build FILE -A two.dev --repair && cat store/*-two-dev",
    f"{damaged('two', 'two-dev')} && nix build -f FILE two^* --repair && cat store/*-two store/*-two-dev",
    f"{damaged('random')} && nix-build FILE -A random --repair && nix-store --verify-path store/*-random",
    f"{damaged('random', built='onrandom')} && nix-build FILE -A onrandom --repair && nix-store --verify-path store/*-random",
    f"{damaged('good.drv', built='good')} && nix-build FILE -A good --repair && nix-store --verify-path store/*-good.drv",
    f"{damaged('good.drv', built='good')} && nix-instantiate FILE -A good --repair && nix-store --verify-path store/*-good.drv",
    f"{damaged('tool', built='sources')} && nix-build FILE -A sources --repair && cat store/*-tool",
    "nix-build FILE -A good --repair", "nix-build FILE -A fails --repair", "nix-build FILE -A users --repair -j1",
    # equal files
    "nix-build FILE -A good -A same --auto-optimise-store && stat -L -c %h result result-2/* && stat -c %a%Y result-2/",
    "nix-build FILE -A good -A same && nix-store --optimise && stat -L -c %h result result-2/* && ls store/.links | wc -l",
    "nix-build FILE -A good -A same && nix store optimise && nix-store --verify --check-contents && rm result* && nix-store --gc > /dev/null 2>&1 && ls store/.links",
    f"{damaged('good', built='good same')} && chmod u-w store/*-good && nix-store --optimise && nix-store --verify --check-contents",
    f"nix-build FILE -A good --auto-optimise-store && {damaged('good')} && nix-store --verify --check-contents",
    f"nix-build FILE -A good --auto-optimise-store && {damaged('good')} && nix-store --verify --check-contents --repair && cat result",
    f"nix-build FILE -A good --auto-optimise-store && {damaged('good')} && nix-store --repair-path result --option auto-optimise-store true && cat result",
    "nix-build FILE -A good --auto-optimise-store && chmod u+w store/*-good && echo bood > store/*-good && chmod u-w store/*-good"
    " && nix-store --repair-path result --option auto-optimise-store true && cat result",
    # what programs read
    "nix build -f FILE good --no-link --json-log-path $PWD",
    "nix build -f FILE phases --no-link --json-log-path $PWD/events && sed -E 's/\"id\":[0-9]+/\"id\":N/' events | grep '\"fields\":\\[\"'",
    "nix build -f FILE phases --no-link --log-format internal-json 2> events; sed -E 's/\"id\":[0-9]+/\"id\":N/' events | grep '\"fields\":\\[\"'",
    "nix-build FILE -A phases --json-log-path $PWD/events; ls events",
    "nix build -f FILE phases --no-link --json-log-path $PWD/events -vv 2> /dev/null && grep 'builder' events | grep 'level\":5'",
    # programs that are shown differences, and programs that build in our place
    *(f"nix-build FILE -A random --no-out-link && nix-build FILE -A random --check {options}" for options in (
        "--option run-diff-hook true --option diff-hook $PWD/hook", "--option diff-hook $PWD/hook", "--option run-diff-hook true",
        "--option run-diff-hook true --option diff-hook /bin/false", "--option run-diff-hook true --option diff-hook /no-such-program",
        "-K --option run-diff-hook true --option diff-hook $PWD/hook",
    )),
    *(f"export FOO=foo; nix build -f FILE {words} --no-link --print-out-paths --extra-experimental-features external-builders {PROGRAM}" for words in (
        "elsewhere", "elsewhere -L", "elsewhere -j0", "good", "onelsewhere --keep-going",
    )),
    f"nix-build FILE -A elsewhere {PROGRAM}", f"nix-build FILE -A elsewhere --option extra-experimental-features external-builders {PROGRAM}",
    *(f"sed -i '{change}' external; nix build -f FILE elsewhere --no-link --extra-experimental-features external-builders {PROGRAM}"
      for change in ("s/^printf.*/exit 3/", "s/^printf.*/exit 0/", "s/^echo made.*/exit 3/", "s/^echo made.*//", "1s/sh/no-such-shell/")),
    *(f"nix-build FILE -A odd.{name} --no-out-link" for name in ODD), *(f"nix build -f FILE odd.{name} --no-link" for name in ODD[::3]),
    # outputs and files that cannot be requested
    "nix-build $(nix-instantiate FILE -A two 2> /dev/null)!none", "nix-build $(nix-instantiate FILE -A two 2> /dev/null)!out,dev",
    "nix build -f FILE two^none", "nix-store -r $(nix-instantiate FILE -A two 2> /dev/null)!none", "nix build -f FILE chroot --option sandbox true",
]  # fmt: skip


def run(folder: Path, commands: str, line: str) -> dict[str, object]:
    """The result of a line in a folder of its own."""
    environment = surroundings(folder, commands, "nix-command flakes git-hashing", "system = x86_64-linux", "system-features = kvm big")
    for name in ("failures.nix", "external", "hook"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(line.replace("FILE", "./failures.nix"), shell=True, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)

    def masked(text: str) -> str:
        text = re.sub(rf"{folder}/store/[0-9a-z]{{32}}-", "STORE/", re.sub(r"\x1b\[[0-9;]*m", "", text))
        text = re.sub(r"(expected hash|got|link) [\"'][^ ]*?([\"'][,. ]|[\"']$)", r"\1 …", text, flags=re.MULTILINE) if "random" in line else text
        text = re.sub(r"(got: +)\S+", r"\1…", text) if "refersWrongly" in line else text
        text = re.sub(r"[0-9.]+ KiB freed", "some KiB freed", re.sub(r"large at [0-9]+ bytes", "large", text))
        text = re.sub(r"output path \"[^\"]*\"", "output path TEMPORARY", text)
        text = re.sub(r"build of (.*) failed", lambda found: f"build of {', '.join(sorted(found[1].split(', ')))} failed", text)
        text = re.sub(r"\"[^\" ]*/nix-(?:build|[0-9]+)-[^\"]*\"", "BUILD FOLDER", text)
        return text.replace(str(folder), "FOLDER")

    # The message of the JSON parser is masked, because ours has other words.
    text = re.sub(r"(bad JSON log message from the derivation builder: ).*", r"\1…", masked(done.stderr))
    said = sorted({line.strip() for line in text.splitlines() if line.strip() and not _OTHER.search(line)})
    return {"status": done.returncode, "out": masked(done.stdout).splitlines(), "said": said}


@pytest.mark.parametrize("line", LINES, ids=[line.replace(" 2> /dev/null", "") for line in LINES])
def test_a_build_that_fails_says_and_leaves_what_it_does_in_nix(line, commands, tmp_path):
    assert run(tmp_path.resolve(), commands, line) == json.loads(RECORDED.read_text())[line]


if __name__ == "__main__":
    record(RECORDED, LINES, run, sys.argv[1], lambda line: "--new" in sys.argv)
