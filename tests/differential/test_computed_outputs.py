"""Outputs that have no paths before they are built: what the commands of 2.34.8 build and print for them, by our own builder.

In: computed_outputs/world.nix.  Out: equal to computed_outputs/recorded.json, which is recorded again with
`python tests/differential/test_computed_outputs.py FOLDER [--new]`.  FOLDER has C++ Nix 2.34.8's nix, nix-build, nix-store, nix-instantiate; `--new` records only new lines.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_lines import record, surroundings

HERE = Path(__file__).parent / "computed_outputs"
RECORDED = HERE / "recorded.json"
# These lines are left out: warnings about garbage, and traces of evaluation, which other tests compare.
_NOT_HERE = re.compile(r"garbage collector|^ *$|^ *[0-9 ]*\||^ *(…|at (FOLDER|«)|\(stack trace)|^ *error:$|whose name attribute")
DRV = "$(nix-instantiate FILE -A {} 2> /dev/null)"
LINES = [
    # impure derivations are built again each time
    "nix build -f FILE impure --no-link --print-out-paths; nix build -f FILE impure^* --no-link --print-out-paths; cat counter",
    "nix build -f FILE impure --json --no-link | jq -c '.[] | [.drvPath, .outputs]'", "nix build -f FILE impure --json --dry-run | jq -c '.[] | [.drvPath, .outputs]'",
    "nix build -f FILE impure^stuff; ls -l result* | sed 's/.*result/result/'", "nix build -f FILE impure onImpure twice && cat result*",
    "nix build -f FILE twice && cat result && nix build -f FILE twice && cat result", "nix build -f FILE impure.all && cat result counter",
    "nix build -f FILE fixed && nix build -f FILE fixed && cat result counter", "nix build -f FILE fixed && nix build -f FILE afterFixed && cat result counter",
    "nix run -f FILE impure", "nix path-info -f FILE impure", "nix build -f FILE impure && nix path-info -f FILE impure",
    "nix build -f FILE impure && nix path-info --json --json-format 2 ./result | jq '.info[] | .ca.method, .deriver'",
    f"nix-store -r {DRV.format('impure')}", f"nix-store -r {DRV.format('impure')}!stuff", f"nix-store -q --outputs {DRV.format('impure')}",
    "nix eval -f FILE read", "nix-instantiate --eval --read-write-mode FILE -A read",
    # derivations that may not have such outputs
    *(f"{command} {name}" for name in ("pure", "floating", "fails", "onFails", "both", "unseen") for command in ("nix build -f FILE --no-link", "nix-build FILE -A")),
    # without the features
    "nix build -f FILE impure --option experimental-features 'nix-command ca-derivations'", "nix-instantiate FILE -A impure --option experimental-features ''",
    "nix build -f FILE impure --option experimental-features 'nix-command impure-derivations'",
    f"d={DRV.format('impure')}; nix derivation show $d | jq -c '.derivations[].outputs'",
    f"d={DRV.format('impure')}; nix build $d^out --no-link --option experimental-features nix-command",
    f"d={DRV.format('impure')}; nix derivation show $d --option experimental-features nix-command",
    f"d={DRV.format('impure')}; nix derivation show $d | jq '.derivations[]' | nix derivation add --option experimental-features nix-command",
    f"d={DRV.format('impure')}; nix derivation show $d | jq '.derivations[]' | nix derivation add",
    # derivations that are outputs
    "nix build -f FILE producer --no-link --print-out-paths && nix build -f FILE hello --no-link --print-out-paths",
    *(f"nix build -f FILE {name} --print-out-paths && cat result" for name in ("user", "floatingUser", "afterUser", "deepUser", "hello2", "fixedText")),
    *(f"nix-build FILE -A {name} && cat result" for name in ("user", "floatingUser", "afterUser", "deepUser", "hello2")),
    *(f"nix-instantiate FILE -A {name} --eval --strict --read-write-mode"
      for name in ("hello2", "dev2", "twiceMade", "wrong", "wrongDeep", "wrongDerivation", "ofFixed", "contexts", "toFile", "complete")),
    "nix build -f FILE hello2 --no-link; nix-instantiate FILE -A contexts --eval --strict",
    "nix-instantiate --read-write-mode FILE -A readHello --eval", "nix-build FILE -A user; nix-build FILE -A user; nix build -f FILE user deepUser floatingUser",
    *(f"{command} {name}" for name in ("failing", "onFailing", "failingUser", "nonsense", "onNonsense", "onNone", "notText", "executable")
      for command in ("nix build -f FILE --no-link", "nix-build FILE -A")),
    *(f"nix build -f FILE --no-link {name} --keep-going" for name in ("onFailing", "failingUser", "onNonsense")), "nix build -f FILE onFailing user --keep-going",
    "nix build --no-link --impure --expr '(import FILE).hello2'", "nix build --no-link --impure --expr 'builtins.outputOf (import FILE).failing.outPath \"out\"'",
    *(f"d={DRV.format('producer')}; nix build $d^out^{names} --no-link --print-out-paths" for names in ("out", "dev", "*", "none", "out,dev", "out^out")),
    f"d={DRV.format('producer')}; nix build $d^out^out --json --no-link | jq -c '.[] | [.drvPath, .outputs]'",
    f"d={DRV.format('producer')}; nix build $d^out^out --dry-run --json | jq -c '.[] | [.drvPath, .outputs]'",
    f"d={DRV.format('writesWriter')}; nix build $d^out^out^out --no-link --print-out-paths", f"d={DRV.format('producer')}; nix build $d^none^out",
    f"d={DRV.format('failing')}; nix build $d^out^out", f"d={DRV.format('nonsense')}; nix build $d^out^out", f"d={DRV.format('hello')}; nix build $d^out^out",
    f"d={DRV.format('producer')}; nix build $d^out^out --option experimental-features 'nix-command ca-derivations'",
    f"d={DRV.format('producer')}; nix path-info $d^out^out", f"d={DRV.format('producer')}; nix build $d^out^out --no-link; nix path-info $d^out^out",
    *(f"cat $(nix-instantiate FILE -A {name} 2> /dev/null) | cut -c 1-12" for name in ("user", "deepUser", "hello")),
    *(f"d=$(nix-instantiate FILE -A {name} 2> /dev/null); nix derivation show $d | jq -c '.derivations[].inputs'" for name in ("user", "deepUser")),
    *(f"d=$(nix-instantiate FILE -A {name} 2> /dev/null); nix derivation show $d | jq -c '.derivations[]' | nix derivation add && echo $d" for name in ("user", "deepUser")),
    f"d={DRV.format('user')}; nix derivation show $d | jq -c '.derivations[]' | nix derivation add --option experimental-features nix-command",
    f"d={DRV.format('user')}; nix derivation show $d --option experimental-features 'nix-command ca-derivations'",
    f"nix-store -q --references {DRV.format('user')} | sort", f"nix-store -q --requisites {DRV.format('deepUser')} | wc -l",
    "nix-instantiate FILE -A user --option experimental-features ca-derivations",
]  # fmt: skip


def run(folder: Path, commands: str, line: str) -> dict[str, object]:
    """The result of a line in a folder of its own."""
    environment = surroundings(
        folder, commands, "nix-command ca-derivations impure-derivations dynamic-derivations", "system = x86_64-linux", FOLDER=str(folder)
    )
    environment["PATH"] += f":{Path(sys.executable).parent}"
    shutil.copy(HERE / "world.nix", folder)
    (folder / "counter").write_text("0\n")
    if shutil.which("jq", path=environment["PATH"]) is None:
        line = line.replace("jq ", "jaq ")
    done = subprocess.run(line.replace("FILE", "./world.nix"), shell=True, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)

    def masked(text: str) -> str:
        text = re.sub(rf"({folder}/store/)?[0-9a-z]{{32}}-", "STORE/", text)
        return re.sub(r"/[0-9a-z]{52}\b", "PLACEHOLDER", text).replace(str(folder), "FOLDER")

    said = sorted({line.strip() for line in masked(done.stderr).splitlines() if not _NOT_HERE.search(line)})
    return {"status": done.returncode, "out": masked(done.stdout).splitlines(), "said": said}


@pytest.mark.parametrize("line", LINES)
def test_commands_on_computed_outputs_do_what_nix_does(line, commands, tmp_path):
    assert run(tmp_path.resolve(), commands, line) == json.loads(RECORDED.read_text())[line]


if __name__ == "__main__":
    record(RECORDED, LINES, run, sys.argv[1], lambda line: "--new" in sys.argv)
