"""Runs the examples of a page of the site: each block of code, in the order of the page, in a folder of its own.

`python` is executed, `pycon` and `console` are run and their output is compared (`…` stands for any text), `nix` is parsed, `json` and
`yaml` are read.  A block with a caption (`{code-block} nix` with `:caption: NAME`) is written to that file first.  `text` is for people.
"""

import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("tutorial/*.md"), *(ROOT / "docs").glob("how-to/*.md"), *(ROOT / "docs").glob("explanation/*.md")])
_FENCE = re.compile(r"^```(?P<info>[^\s`][^\n]*)?\n(?P<text>.*?)^```$", re.M | re.S)
_CAPTION = re.compile(r"\A:caption: (\S+)\n\n?")


@dataclass
class Block:
    page: str
    line: int
    kind: str
    caption: str | None
    text: str


def blocks_of(path: Path) -> list[Block]:
    """The blocks of code of a page, in order."""
    page, found = path.read_text(), []
    for match in _FENCE.finditer(page):
        kind = (match["info"] or "").strip()
        if kind.startswith("{figure}"):
            continue
        text, caption = match["text"], None
        if kind.startswith("{code-block} "):
            kind = kind.removeprefix("{code-block} ")
            named = _CAPTION.match(text)
            if named:
                caption, text = named[1], text[named.end() :]
        found.append(Block(path.name, page.count("\n", 0, match.start()) + 1, kind, caption, text))
    return found


def make_commands(folder: Path) -> None:
    """Our commands by name: those that are installed beside this interpreter."""
    folder.symlink_to(Path(sys.executable).parent)


class PageRun:
    """The run of a page in the current folder."""

    def __init__(self, commands: Path) -> None:
        self.names: dict[str, object] = {"__name__": "__page__"}
        self.environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"}

    def run(self, block: Block) -> str:
        """Runs a block; returns its text with the output."""
        if block.caption is not None:
            Path(block.caption).parent.mkdir(parents=True, exist_ok=True)
            Path(block.caption).write_text(block.text)
        method = getattr(self, f"_{block.kind.replace('-', '_')}", None)
        assert method is not None, f"{block.page}:{block.line}: a block of the kind {block.kind!r} is not run by anything"
        return method(block).replace(os.getcwd(), "/home/ada")

    def _text(self, block: Block) -> str:
        return block.text

    def _nix(self, block: Block) -> str:
        from snowsnake import syntax

        syntax.parse(block.text, check=False)
        return block.text

    def _json(self, block: Block) -> str:
        json.loads(block.text)
        return block.text

    def _yaml(self, block: Block) -> str:
        import yaml

        yaml.safe_load(block.text)
        return block.text

    def _python(self, block: Block) -> str:
        if block.caption is not None and not block.text.startswith("# run"):
            compile(block.text, block.caption, "exec")
            # A command of the page runs it.
            return block.text
        exec(compile(block.text, f"{block.page}:{block.line}", "exec"), self.names)
        return block.text

    def _pycon(self, block: Block) -> str:
        made = []
        for source in _entries(block.text, ">>> ", "... "):
            made += [(">>> " if number == 0 else "... ") + line if line else "..." for number, line in enumerate(source.split("\n"))]
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                try:
                    tree = ast.parse(source, mode="single") if not source.startswith("@") else ast.parse(source + "\n", mode="single")
                    exec(compile(ast.Interactive(tree.body), f"{block.page}:{block.line}", "single"), self.names)
                except Exception as error:
                    out.write("Traceback (most recent call last):\n  …\n" + traceback.format_exception_only(error)[-1])
            made += out.getvalue().rstrip("\n").split("\n") if out.getvalue() else []
        return "\n".join(made) + "\n"

    def _console(self, block: Block) -> str:
        made = []
        for command in _entries(block.text, "$ ", "> "):
            made += [("$ " if number == 0 else "> ") + line for number, line in enumerate(command.split("\n"))]
            done = subprocess.run(
                ["bash", "-c", command], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=120
            )
            made += done.stdout.rstrip("\n").split("\n") if done.stdout.strip() else []
        return "\n".join(made) + "\n"


def _entries(text: str, first: str, more: str) -> list[str]:
    """The lines that are typed in a session: those behind a prompt, each with the lines that continue it."""
    found: list[list[str]] = []
    is_typed = False
    for line in text.split("\n"):
        if line.startswith(first):
            found.append([line[len(first) :]])
            is_typed = True
        elif is_typed and (line.startswith(more) or line == more.rstrip()):
            found[-1].append(line[len(more) :])
        else:
            is_typed = False
    return ["\n".join(lines) for lines in found]


def agrees(written: str, found: str) -> bool:
    """Whether a block agrees with the output, where `…` stands for any text."""
    pattern = ".*?".join(re.escape(part) for part in written.rstrip().split("…"))
    return re.fullmatch(pattern, found.rstrip(), re.S) is not None


def accept(path: Path, block: Block, found: str) -> None:
    """Writes the output into the page."""
    page = path.read_text()
    assert page.count(block.text) >= 1
    path.write_text(page.replace(block.text, found, 1))
