"""Comments, docstrings and pages are plain English: words that a reader stumbles over stay out, and a comment is above what it explains.

A pattern is here only if it finds nothing that is right.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src/snowsnake", "tests", "tools", "benchmarks")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md", ROOT / "tests/fuzz/README.md"])
SCRIPTS = sorted([ROOT / ".ci/run", ROOT / "Makefile", *(ROOT / "tools").rglob("*.sh"), *(ROOT / "tools").glob("*.c")])
# What is found, and what to write instead.
WORDS = {
    r"\bof ours\b": "our",
    r"\bbetter none\b": "a sentence with a subject",
    r"\b(?:told|tells?) of\b": "reported, shown, known",
    r"\bsays? it\b(?=[.;])": "what is said, and where",
    r"\bgives (?:the|a|an|its|none|no|all|what)\b(?![a-z ]* back\b)": "returns",
    r"(?<!thing )(?<!body )(?<!where )(?<!what )(?<!who )(?<!one )(?<!or )(?<=[a-z] )else(?=[.;]|$)": "otherwise",
    r"\bmend(?:ed|s)?\b": "repaired, corrected",
    r"\bhis own\b": "their own",
    r"\bwhich is told\b": "after a message",
    r"(?<![Tt]here )\b(?:is|are|was|were) no\b(?! (?:longer|more|less|one|other|better|different|limit)\b)": "is not a",
    r"\banew\b": "again",
    r"\bstands?\b(?!-| for\b| in for\b)": "is",
    r"\b(?:be|are|is) had\b": "fetched, made, available",
}
IMPERATIVES = frozenset(
    "Add Apply Become Build Call Carry Change Check Compare Compile Convert Copy Count Decode Drop Edit Evaluate Exhaust Fetch Find Follow Get Give Handle"
    " Have Iterate Keep Leave Let Link Load Look Make Move Note Open Parse Print Put Raise Read Remember Remove Render Report Return Run Save Say Search"
    " Select Send Set Show Skip Start Stop Take Wait Write".split()
)
# These comments are marks for tools.
MARKS = ("# type:", "# noqa", "# fmt:", "# pragma", "# ruff:")


def files() -> list[Path]:
    return sorted(
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd", ".pyi") and path.parent.name != "conformance" and path.name != "test_prose.py"
    )  # fmt: skip


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each comment, docstring or paragraph, with one blank between words."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        # Code is not prose, and keeps its lines.
        source = re.sub(r"```.*?```", lambda code: "\n" * code[0].count("\n"), source, flags=re.DOTALL)
        source = re.sub(r"`[^`\n]*`", "`code`", source)
        for found in re.finditer(r"[^\n]+(?:\n[^\n]+)*", source):
            yield source.count("\n", 0, found.start()) + 1, " ".join(found[0].split())
    elif path.suffix == ".c":
        for found in re.finditer(r"/\*(.*?)\*/", source, re.DOTALL):
            yield source.count("\n", 0, found.start()) + 1, " ".join(found[1].replace("\n *", " ").split())
    elif path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], " ".join(token.string.split())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
                yield node.body[0].lineno, " ".join(text.split())
    else:
        for number, line in enumerate(source.splitlines(), 1):
            if found := re.search(r"(?:^|\s)# .*", line):
                yield number, " ".join(found[0].split())
        for found in re.finditer(r'"""(.*?)"""', source, re.DOTALL):
            yield source.count("\n", 0, found.start()) + 1, " ".join(found[1].split())


@pytest.mark.parametrize("word", WORDS)
def test_no_word_that_readers_stumble_over(word: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {text}" for path in [*files(), *PAGES, *SCRIPTS] for line, text in texts(path) if re.search(word, text)
    ]
    assert wrong == [], f"write instead: {WORDS[word]}"


def test_docstrings_say_what_functions_do() -> None:
    """They say "Reads …", not "Read …"."""
    wrong = []
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.suffix == ".py" else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = re.match(r"\w*", ast.get_docstring(node) or "")[0]
                if first in IMPERATIVES:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {first}")
    assert wrong == []


def test_comments_are_above() -> None:
    wrong = []
    for path in files():
        for line, code, comment in comments(path.read_text(encoding="utf-8")):
            if code.strip() and not comment.startswith(MARKS):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {comment}")
    assert wrong == []


def test_comments_stand_alone() -> None:
    """A comment does not go on with the line above it: "or NULL", "of the last event" leave the reader to guess what they speak about."""
    wrong = []
    for path in files():
        last = -1
        for line, _, comment in comments(path.read_text(encoding="utf-8")):
            if re.match(r"# (?:of|or|by|after|as in) ", comment) and last != line - 1:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {comment}")
            last = line
    assert wrong == []


def test_lines_are_short() -> None:
    """Of compiled sources, which the linter does not read; it keeps the others below the same length (pyproject.toml)."""
    most = int(re.search(r"^max-line-length = (\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1])
    texts = {path: path.read_text(encoding="utf-8") for path in files() if path.suffix in (".pyx", ".pxd")}
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path, text in texts.items() if "GENERATED" not in text[:40]
        for number, line in enumerate(text.split("\n"), 1) if len(line) > most
    ]  # fmt: skip
    assert long == []


def comments(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, the code in front of it, comment).  Cython has no tokenizer for Python programs, so this knows strings and nothing else."""
    pattern = re.compile(r"""(?P<text>(?:\"\"\"|''').*?(?:(?<!\\)(?:\\\\)*)(?:\"\"\"|''')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<comment>\#[^\n]*)""", re.DOTALL)
    for found in pattern.finditer(source):
        if found["comment"]:
            start = source.rfind("\n", 0, found.start()) + 1
            yield source.count("\n", 0, start) + 1, source[start : found.start()], found["comment"]


def test_comments_are_found() -> None:
    source = 'a = "#no"  # one\n# two\ntext = """\n# no\n"""  # three\n'
    assert list(comments(source)) == [(1, 'a = "#no"  ', "# one"), (2, "", "# two"), (5, '"""  ', "# three")]
