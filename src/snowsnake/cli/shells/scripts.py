"""Scripts whose interpreter is `nix-shell`: its options are in lines `#! nix-shell …`.

In: the words of a command line, the first of which may be a file that begins with `#!`.  Out: a `ScriptHead`.
"""

import re

from snowsnake.build.structured import quoted
from snowsnake.diagnostics.error import EvaluationError

_LINE = re.compile(r"#!\s*nix-shell\s+(.*)", re.ASCII | re.DOTALL)
_BLANKS = " \t\n\v\f\r"


class ScriptHead:
    """A script: its `path`, the `words` for `nix-shell` in it, and the script's own words."""

    __slots__ = ("path", "words", "own_words")

    def __init__(self, path: str, words: list[str], own_words: list[str]) -> None:
        self.path = path
        self.words = words
        self.own_words = own_words

    @classmethod
    def of(cls, words: list[str]) -> "ScriptHead | None":
        """The head of the script that the first word names; None if it is not a script."""
        try:
            with open(words[0], "rb") as file:
                if file.read(2) != b"#!":
                    return None
                lines = file.read().decode("utf-8", "surrogateescape").split("\n")[1:]
        except (OSError, ValueError, IndexError):
            return None
        found = [match[1] for line in lines if (match := _LINE.fullmatch(line.rstrip(" \n\r\t")))]
        return cls(words[0], [word for line in found for word in split_words(line)], words[1:])

    def command(self, interpreter: str) -> str:
        """The command of bash that runs the script by the interpreter of `-i`."""
        # Perl would run the program that the first line of the script names, unless Perl itself is called by another name.
        renamed = "-a PERL" if "perl" in interpreter else ""
        arguments = "".join(f"{quoted(word)} " for word in self.own_words)
        # Ruby, too, looks at the first line of a script.
        if "ruby" in interpreter:
            return f"exec {renamed} {interpreter} -e 'load(ARGV.shift)' -- {quoted(self.path)} {arguments}"
        return f"exec {renamed} {interpreter} {quoted(self.path)} {arguments}"


def split_words(text: str) -> list[str]:
    r"""The words of a line: quotes of both kinds, and backslashes outside of single quotes, as a shell has them.

    >>> split_words(r'''-p "a b" 'c\d'e \"f''')
    ['-p', 'a b', 'c\\de', '"f']
    >>> split_words("a\u00a0b c")
    ['a\xa0b', 'c']
    """
    found: list[str] = []
    word = ""
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if not quote and char in _BLANKS:
            found.append(word)
            word = ""
            while position < len(text) and text[position] in _BLANKS:
                position += 1
            if position == len(text):
                return found
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        elif char == "\\" and quote != "'":
            word += text[position : position + 1]
            position += 1
        else:
            word += char
    if quote:
        raise EvaluationError("value", "unterminated quote in shebang line")
    return [*found, word]
