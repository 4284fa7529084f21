"""Builds the site: `python tools/site/build.py [FOLDER]` (build/site).

build/site-source gets the pages of docs/, README, CONTRIBUTING, CHANGELOG and benchmarks/README at the places that they have in the repository, so
that their links hold; what is generated from the code (reference.py); and pictures of what commands print (pictures.py).  Sphinx makes the rest.
Warnings, broken links among them, are errors.
"""

import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCE = ROOT / "build" / "site-source"
sys.path.insert(0, str(HERE))

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
# Links; one to a folder, or to a file of the repository that is not a page, becomes its path, because the site has only pages.
_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")

INDEX = """\
# Snowsnake

An evaluator for the Nix language, in Python's process: lazy values, errors with places, your own types, everything visible.

```pycon
>>> import snowsnake
>>> package = snowsnake.evaluate('{{ pname = "hello"; sizes = map (x: x * x) [ 1 2 3 ]; broken = throw "not looked at"; }}')
>>> package["sizes"] == [1, 4, 9]
True
```

* **[Tutorial](docs/tutorial/index.md)**: from your first evaluation to your own flake's packages as dataclasses.
* **[How to](docs/how-to/index.md)**: you ran `nix eval … --apply …`; write ….
* **[Reference](docs/reference/index.md)**: the API, commands, builtins, errors, bytecode, settings, statistics.
* **[Explanation](docs/explanation/index.md)**: how it works, why it is fast, how it differs.

```{{toctree}}
:hidden:
:caption: Learn
docs/tutorial/index
{tutorial}
```

```{{toctree}}
:hidden:
:caption: How to
docs/how-to/index
{how_to}
```

```{{toctree}}
:hidden:
:caption: Reference
docs/reference/index
{reference}
```

```{{toctree}}
:hidden:
:caption: Explanation
docs/explanation/index
{explanation}
```
"""
TUTORIAL = ("first-evaluation", "errors", "python-into-nix", "types", "flake")
HOW_TO = ("nix-eval", "replace-nix", "without-nix", "ci", "limits", "embed", "edit", "options", "wrong-or-slow", "look-inside")
EXPLANATION = ("explanation/why-fast", "architecture", "stages", "differences", "stability", "glossary", "real-flakes", "upstream-tests")


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    make_source()
    from sphinx.cmd.build import build_main

    return build_main(["-q", "-W", "--keep-going", "-j", "2", "-b", "html", "-c", str(HERE), "-d", str(ROOT / "build" / "site-trees"), str(SOURCE), str(target)])


def make_source() -> None:
    """Makes the folder that Sphinx reads; unchanged files keep their time, so that only changed pages are built again."""
    import pictures
    import reference

    files: dict[str, bytes] = {}
    for path in [*(ROOT / "docs").rglob("*"), *(ROOT / name for name in PAGES)]:
        if path.is_file():
            files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    for name, text in reference.pages().items():
        files[f"docs/reference/{name}.md"] = text.encode()
    for name, text in pictures.pictures().items():
        files[f"docs/images/{name}.svg"] = text.encode()
    for image in (ROOT / "benchmarks").glob("*.svg"):
        files[f"benchmarks/{image.name}"] = image.read_bytes()
    decisions = sorted(path.stem for path in (ROOT / "docs" / "decisions").glob("*.md"))
    explained = [f"docs/{name}" for name in (*EXPLANATION, *(f"decisions/{name}" for name in decisions))]
    files["index.md"] = INDEX.format(
        tutorial="\n".join(f"docs/tutorial/{name}" for name in TUTORIAL),
        how_to="\n".join(f"docs/how-to/{name}" for name in HOW_TO),
        reference="\n".join(f"docs/reference/{name}" for name in reference.ORDER) + "\ndocs/builtins\ndocs/errors\ndocs/bytecode",
        explanation="\n".join([*explained, "README", "CONTRIBUTING", "CHANGELOG", "benchmarks/README"]),
    ).encode()
    pages = {name for name in files if name.endswith((".md", ".svg", ".png"))}
    for name in pages:
        if name.endswith(".md"):
            files[name] = with_links(name, files[name].decode(), pages).encode()
    for path in list(SOURCE.rglob("*")):
        if path.is_file() and path.relative_to(SOURCE).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        file = SOURCE / name
        if not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def with_links(page: str, text: str, pages: set[str]) -> str:
    """The text of a page, in which links to files that the site does not have become paths; a link to a file that the repository does not have is a fault."""
    folder = (ROOT / page).parent

    def one(match: re.Match[str]) -> str:
        shown, target, _ = match.groups()
        path = (folder / target).resolve()
        inside = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        if inside in pages or target.endswith(".md"):
            return match[0]
        if inside and path.exists():
            return shown if shown.startswith("`") else f"`{shown}`"
        return match[0]

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(part if part.startswith("```") else _LINK.sub(one, part) for part in parts)


if __name__ == "__main__":
    if "--clean" in sys.argv:
        sys.argv.remove("--clean")
        shutil.rmtree(SOURCE, ignore_errors=True)
    sys.exit(main())
