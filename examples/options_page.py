"""What a page of NixOS options takes in Sphinx or MkDocs: a line `{{ nix-options FILE }}` becomes their documentation.

python examples/options_page.py        (MkDocs: `hooks: [options_page.py]`; Sphinx: `extensions = ["options_page"]`)
"""

import re
from pathlib import Path
from typing import Any

import snowsnake
from snowsnake import options

_LINE = re.compile(r"^\{\{ nix-options (\S+) \}\}$", re.M)


def with_options(text: str, folder: Path) -> str:
    """A page's text, in which the line of each file of options is replaced by the documentation of the options."""
    return _LINE.sub(lambda match: options.to_markdown(snowsnake.evaluate_file(folder / match[1])), text)


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """MkDocs calls this for each page."""
    return with_options(markdown, Path(page.file.abs_src_path).parent)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this once."""

    def on_source(app: Any, name: str, source: list[str]) -> None:
        source[0] = with_options(source[0], Path(app.srcdir))

    app.connect("source-read", on_source)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    print(with_options("# Options\n\n{{ nix-options options.nix }}", Path(__file__).parent))
