"""Each command of `nix` takes the options of 2.34.8, with as many values, and no others; with another short name or under an old name an option may be there, too.

`python tests/differential/test_command_options.py NIX` records what `nix __dump-cli` of a C++ Nix says.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snowsnake.cli.nix.dump import command_line
from snowsnake.cli.nix.table import ROWS

RECORDED = Path(__file__).parent / "commands" / "options.json"
# Names that 2.34.8 takes and does not list.
OLD_NAMES = {"develop": {"ignore-environment", "keep", "unset"}, "env shell": {"ignore-environment", "keep", "unset"}, "run": {"ignore-environment", "keep", "unset"}}


def options(command: dict[str, Any], name: str) -> dict[str, list[Any]]:
    """From the names of a command's options to how many values each takes, None for all that follow, and its short name."""
    for part in name.split():
        command = command["commands"][part]
    return {flag: [facts.get("arity"), facts.get("shortName")] for flag, facts in sorted(command["flags"].items())}


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.runner])
def test_options_are_the_recorded_ones(name: str) -> None:
    ours = options(command_line()["args"], name)
    assert {flag: facts for flag, facts in ours.items() if flag not in OLD_NAMES.get(name, ())} == json.loads(RECORDED.read_text(encoding="utf-8"))[name]


if __name__ == "__main__":
    listed = json.loads(subprocess.run([sys.argv[1], "__dump-cli"], check=True, capture_output=True).stdout)["args"]
    found = {row.name: options(listed, row.name) for row in ROWS if row.runner}
    RECORDED.write_text("{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(facts)}" for name, facts in found.items()) + "\n}\n", encoding="utf-8")
