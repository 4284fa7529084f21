"""Comments and docstrings are plain English: words that a reader stumbles over stay out, and a comment is above what it explains.

A pattern is here only if it finds nothing that is right.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src/snowsnake"
# What is found, and what to write instead.
WORDS = {
    r"\bof ours\b": "our",
    r"\bbetter none\b": "a sentence with a subject",
    r"\btold of\b": "reported, shown, known",
    r"\bsays? it\b(?=[.;])": "what is said, and where",
    r"\bgives (?:the|a|an|its|none|no|all|what)\b(?![a-z ]* back\b)": "returns",
    r"(?<!thing )(?<!body )(?<!where )(?<!what )(?<!who )(?<!one )(?<!or )(?<=[a-z] )else(?=[.;]|$)": "otherwise",
    r"\bmend(?:ed|s)?\b": "repaired, corrected",
    r"\bhis own\b": "their own",
    r"\bwhich is told\b": "after a message",
}
# In these rooms, and in the modules beside them, no comment is behind the line that it explains.
ABOVE = (
    "cli", "settings", "flake", "lock", "builtins", "store", "cache", "host", "bytecode", "decoding", "diagnostics", "foundation", "syntax", "traces",
    "observe", "output", "compiler", "machine",
)  # fmt: skip
MARKS = ("# type:", "# noqa", "# fmt:", "# pragma")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each comment and docstring, with one blank between words."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
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
def test_words(word: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".pyx", ".pxd", ".pyi")
        for line, text in texts(path) if re.search(word, text)
    ]  # fmt: skip
    assert wrong == [], f"write instead: {WORDS[word]}"


def test_comments_are_above() -> None:
    wrong = []
    for path in sorted([*PACKAGE.glob("*.py"), *(path for room in ABOVE for path in (PACKAGE / room).rglob("*.py"))]):
        source = path.read_text(encoding="utf-8")
        lines = source.split("\n")
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            before = lines[token.start[0] - 1][: token.start[1]]
            if token.type == tokenize.COMMENT and before.strip() and not token.string.startswith(MARKS):
                wrong.append(f"{path.relative_to(PACKAGE)}:{token.start[0]}: {token.string}")
    assert wrong == []
