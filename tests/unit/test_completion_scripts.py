"""The scripts with which shells complete our commands, and the pages of the manual: both come from the tables."""

import os
import shutil
import subprocess
import sys

import pytest

from snowsnake.cli.completion import SCRIPTS
from snowsnake.cli.main import COMMANDS, usage
from snowsnake.cli.manual import pages
from snowsnake.cli.nix.table import ROWS, SHORT

BIN = os.path.dirname(sys.executable)
COMMAND = os.path.join(BIN, "snowsnake")


def bash(words: list[str], folder) -> list[str]:
    """What Tab offers behind these words."""
    script = (
        'source "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _snowsnake_complete "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words], capture_output=True, text=True, cwd=folder,
        env=os.environ | {"SCRIPT": str(folder / "script"), "PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_options_and_files(tmp_path) -> None:
    (tmp_path / "script").write_text(SCRIPTS["bash"])
    (tmp_path / "packages.nix").write_text("{ hello = 1; help = 2; }")
    assert bash(["snowsnake", "disas"], tmp_path) == ["disassemble"]
    assert bash(["snowsnake", "eval", "--js"], tmp_path) == ["--json"]
    assert bash(["snowsnake", "eval", "pack"], tmp_path) == ["packages.nix"]
    assert bash(["snowsnake", "search", "--exc"], tmp_path) == ["--exclude"]
    assert bash(["snowsnake-nix", "sear"], tmp_path) == ["search"]
    assert bash(["snowsnake-nix", "eval", "--file", "packages.nix", "hel"], tmp_path) == ["hello", "help"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_shell_takes_the_script(shell) -> None:
    done = subprocess.run([COMMAND, "completion", shell], capture_output=True, text=True, check=True)
    assert done.stdout == SCRIPTS[shell]
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


def test_every_command_has_a_page_and_a_group(tmp_path) -> None:
    written = pages()
    assert {f"snowsnake-{name}" for name, (module, _) in COMMANDS.items() if not module.startswith("nix")} < set(written)
    assert {"snowsnake-nix-" + row.name.replace(" ", "-") for row in ROWS if row.runner} < set(written)
    for row in ROWS:
        if row.runner:
            page = written["snowsnake-nix-" + row.name.replace(" ", "-")]
            for option in row.options:
                assert option.names[-1].replace("-", "\\-") in page
    for page in written.values():
        assert page.startswith(".TH") and not any(line.startswith("'") for line in page.splitlines())
    assert all(f"\n  {name} " in usage() for name in COMMANDS)
    done = subprocess.run([COMMAND, "manual", tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(written)} pages in {tmp_path}/man1\n" and len(os.listdir(tmp_path / "man1")) == len(written)


def test_every_command_of_nix_has_a_place_in_ours(tmp_path) -> None:
    short = {long: name for name, long in SHORT.items()}
    assert [row.name for row in ROWS if row.runner and short.get(row.name, row.name).split()[0] not in COMMANDS] == []
    (tmp_path / "a.nix").write_text('{ a = derivation { name = "a-1"; system = "s"; builder = "b"; }; }')
    done = subprocess.run([COMMAND, "packages", "-f", "a.nix", "--system-filter", "*"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "a-1\n"
    done = subprocess.run([COMMAND, "key", "generate-secret", "--key-name", "ours"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ours:")


def test_tables_are_printed_as_json(tmp_path) -> None:
    import json

    for word in ("__dump-language", "__dump-cli"):
        data = json.loads(subprocess.run([COMMAND + "-nix", word], capture_output=True, check=True).stdout)
        assert data["mapAttrs"]["args"] == ["function", "set"] if word == "__dump-language" else "eval" in data["args"]["commands"]
