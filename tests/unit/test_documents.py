"""Documents name only files, make targets, variables and options that exist.

Pages about an earlier commit name files of that commit; `EARLIER` lists these.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from test_prose import PAGES

ROOT = Path(__file__).resolve().parents[2]
# Files of commit 5522913 (docs/decisions/house.md, images.md), and the walk-through's own test.
EARLIER = {
    "compiler/globals.py", "traces/arguments.py", "machine/heap_image.pyx", "benchmarks/experiments/heap_image.py", "tests/unit/test_heap_image.py",
    "tests/lang/error-sum/in.nix",
}  # fmt: skip
# Folders whose files documents name by a path; other paths are those of users' projects.
ROOMS = {path.name for path in (ROOT / "src/snowsnake").iterdir() if path.is_dir()} | {"src", "tests", "tools", "benchmarks", "examples"}
# Options of other programs, which none of our programs uses.
FOREIGN = {"--disable-gil", "--numstat", "--sdist"}


def tokens(page: Path) -> Iterator[str]:
    """The pieces of code in the text of a page, outside of blocks of code."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", text)


def test_files_that_documents_name_exist() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    files = set(tracked) if len(tracked) > 1 else {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()}
    ends = {name.removeprefix("src/snowsnake/") for name in files} | files
    missing = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES for token in tokens(page) for name in re.findall(r"(?<![\w./-])[a-z_]+(?:/[\w.-]+)+\.(?:py|pyx|pxd|md|nix|txt|jsonl?|sh|c)\b", token)
        if name.partition("/")[0] in ROOMS and name not in ends | EARLIER
    }  # fmt: skip
    assert missing == set()


def test_commands_of_make_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for page in PAGES for token in tokens(page) for name in re.findall(r"^make ([a-z-]+)", token)}
    assert named and named <= targets


def code_of(*folders: str) -> str:
    return "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for folder in folders for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd", ".nix", ".sh") and path.is_file() and path != Path(__file__).resolve()
    ) + (ROOT / "Makefile").read_text(encoding="utf-8")  # fmt: skip


def test_variables_that_documents_name_are_read() -> None:
    code = code_of("src", "tools", "tests", "benchmarks")
    named = {name for page in PAGES for token in tokens(page) for name in re.findall(r"\bSNOWSNAKE_[A-Z_]+", token)}
    assert {name for name in named if name not in code} == {"SNOWSNAKE_NIXPKGS"}


def test_options_that_documents_name_exist() -> None:
    """An option is part of the code, a setting of the table, or of another program."""
    code = code_of("src", "tools", "tests", "benchmarks")
    missing = {
        f"{page.relative_to(ROOT)}: {option}"
        for page in PAGES for token in tokens(page) for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+[a-z]", token)
        if option not in FOREIGN and option not in code and option.removeprefix("--") not in code
    }  # fmt: skip
    assert missing == set()


def test_words_of_the_glossary_are_those_of_the_code() -> None:
    package = ROOT / "src/snowsnake"
    code = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*") if path.suffix in (".py", ".pyx", ".pxd"))
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]*)\|$", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)[1:]
    assert rows
    missing = {word for words, _ in rows for word in words.split(", ") if not re.search(re.escape(word), code, re.IGNORECASE)}
    assert missing == set()
