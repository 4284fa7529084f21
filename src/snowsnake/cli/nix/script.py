"""Scripts whose interpreter is `nix`: the words of their `#! nix` lines take the place of the script on the command line.

In: the words of a command line, the first of which may be a file that begins with `#!`.  Out: the words after the replacement, and the script's folder.
"""

import os
import re

from snowsnake.diagnostics.error import EvaluationError

# The characters with which a line in the head of a script may begin.
_COMMENT = "#/\\%@*-("
_LINE = re.compile(r"#!\s*nix(?: |$)(.*)", re.DOTALL)
_RESERVED = "$*~<>|;()[]{}'\"\\"
_ESCAPE = "Use double backticks to escape?"


def words_of_script(words: list[str]) -> "tuple[list[str], str] | None":
    """The words that replace a script, and its folder; None if the first word is not a script."""
    try:
        with open(words[0], "rb") as file:
            if file.read(2) != b"#!":
                return None
            file.readline()
            head = []
            for line in file:
                text = line.decode("utf-8", "surrogateescape").rstrip("\n").rstrip(" \t\r")
                if not line.strip(b"\n") or line[:1].decode("latin-1") not in _COMMENT:
                    break
                if match := _LINE.fullmatch(text):
                    head.append(match[1] + "\n")
    except (OSError, ValueError):
        return None
    return [*split_head("".join(head)), *words], os.path.dirname(words[0]) or "."


def split_head(text: str) -> list[str]:
    """The words of a script's head: they are separated by white space, except for text between pairs of backticks, which is one word.

    >>> split_head("--expr `` a b `` -- x#y")
    ['--expr', ' a b', '--', 'x#y']
    """
    found: list[str] = []
    word = ""
    position = 0
    while position < len(text):
        char = text[position]
        if char in " \t\n\r":
            found += [word] if word else []
            word = ""
        elif text.startswith("``", position):
            word, position = _quoted(text, position + 2, word)
            found.append(word)
            word = ""
            continue
        elif char == "`":
            raise EvaluationError("value", "single backtick is not a supported syntax in the nix shebang.")
        elif char in _RESERVED:
            raise EvaluationError("value", f"unsupported unquoted character in nix shebang: {char}. {_ESCAPE}")
        elif char == "#" and not word:
            raise EvaluationError("value", f"unquoted nix shebang argument cannot start with #. {_ESCAPE}")
        else:
            word += char
        position += 1
    return found + ([word] if word else [])


_END = re.compile(r" ?``(?!`)")
_MORE = re.compile(r"`(``+)")


def _quoted(text: str, position: int, word: str) -> tuple[str, int]:
    """The text up to two backticks, and where it ends.  Three or more backticks do not end it: they mean one backtick less."""
    while position < len(text):
        if end := _END.match(text, position):
            return word, end.end()
        if more := _MORE.match(text, position):
            word += more[1]
            position = more.end()
        else:
            word += text[position]
            position += 1
    raise EvaluationError("value", "unterminated quoted string in nix shebang")
