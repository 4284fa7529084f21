"""Command-line options from a table: parsing and help text, without the start-up cost of argparse.

In: a table of `CommandOption` and the words of a command line.  Out: `Arguments`, or a `UsageError` that says what is wrong.
(`import argparse` costs about 8 ms of CPU, a third of what a whole `snowsnake eval -E 1` may cost.)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snowsnake.settings import Settings


class UsageError(Exception):
    """The command line is wrong; the message is for its author."""


# Options of Nix's old commands, and the settings that they switch on.
SHORT_SETTINGS = {"-K": "keep-failed", "-k": "keep-going"}
# Nix's old commands check that the values of these are whole numbers before they become settings.
WHOLE_NUMBERS = ("--cores", "--max-silent-time", "--timeout")


class CommandOption:
    """An option: its names, its values, its purpose.

    `values` are the names of its values, shown in the help; the last takes everything that follows if it ends in `*`.
    `is_repeatable` collects all uses in a list.
    """

    __slots__ = ("names", "values", "help", "is_repeatable")

    def __init__(self, names: str, values: str = "", help: str = "", *, is_repeatable: bool = False) -> None:
        self.names = names.split()
        self.values = values.split()
        self.help = help
        self.is_repeatable = is_repeatable

    @property
    def key(self) -> str:
        """The option's key in `Arguments`."""
        return max(self.names, key=len).lstrip("-").replace("-", "_")

    @property
    def takes_rest(self) -> bool:
        """Whether all words that follow are its values."""
        return bool(self.values) and self.values[-1].endswith("*")


HELP_OPTION = CommandOption("-h --help", "", "show this text")


class Arguments:
    """The given options by key (`--show-trace` is `show_trace`), and the other words in order."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.words: list[str] = []
        # The settings, if the command line has set some already.
        self.settings: Settings | None = None
        # The folder where relative paths begin: that of the script that is run; empty for the working folder.
        self.base_folder = ""

    def store(self, option: CommandOption, values: list[str]) -> None:
        """Records that an option was given."""
        value: object = values if option.takes_rest else True if not values else values[0] if len(values) == 1 else values
        if option.is_repeatable:
            collected = self.values.setdefault(option.key, [])
            assert isinstance(collected, list)
            collected.append(value)
        else:
            # An option that is given again moves to the end, because `last_of` asks for the last one.
            self.values.pop(option.key, None)
            self.values[option.key] = value

    def last_of(self, *keys: str) -> str:
        """The one of these keys that was given last; "" if none was."""
        return next((key for key in reversed(self.values) if key in keys), "")

    def flag(self, key: str) -> bool:
        """Whether an option without a value was given."""
        return key in self.values

    def text(self, key: str, default: str = "") -> str:
        """The value of an option that takes one."""
        value = self.values.get(key, default)
        assert isinstance(value, str)
        return value

    def texts(self, key: str) -> "list[Any]":
        """All values of a repeatable option: strings, or lists for options of several values."""
        value = self.values.get(key, [])
        assert isinstance(value, list)
        return value

    def action(self, *names: str) -> tuple[str, list[str]]:
        """The action of a command: the first word, one of *names*; and the words after it."""
        name, *rest = self.words or [""]
        if name not in names:
            raise UsageError(f"say what to do: {', '.join(names[:-1])} or {names[-1]}")
        return name, rest

    def integer(self, key: str, default: int, most: int = (1 << 32) - 1) -> int:
        """The value of an option that takes a whole number from 0 to *most*.

        >>> given = Arguments()
        >>> given.values["limit"] = "-1"
        >>> given.integer("limit", 0)
        Traceback (most recent call last):
        snowsnake.cli.options.UsageError: option '--limit' needs a whole number from 0 to 4294967295, not '-1'
        """
        text = self.values.get(key)
        if text is None:
            return default
        from snowsnake.foundation.digits import whole_number

        number = whole_number(str(text), most)
        if number is None:
            raise UsageError(f"option '--{key.replace('_', '-')}' needs a whole number from 0 to {most}, not '{text}'")
        return number

    def number(self, key: str, default: float) -> float:
        """The value of an option that takes a number of seconds, such as `1.5`."""
        text = self.values.get(key)
        if text is None:
            return default
        whole, _, part = str(text).partition(".")
        if not (len(whole) <= 12 and (whole + part).isascii() and (whole + part).isdigit()):
            raise UsageError(f"option '--{key.replace('_', '-')}' needs a number of seconds, not '{text}'")
        return float(str(text))


def parse(words: list[str], table: "tuple[CommandOption, ...]") -> Arguments:
    """Splits a command line into options and other words; `--` ends the options.

    >>> table = (CommandOption("-A --attr", "PATH", is_repeatable=True), CommandOption("--json"))
    >>> given = parse(["x.nix", "-A", "a.b", "--json", "--attr=c"], table)
    >>> given.words, given.texts("attr"), given.flag("json")
    (['x.nix'], ['a.b', 'c'], True)
    """
    options = {name: option for option in table for name in option.names}
    arguments = Arguments()
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            arguments.words += words[position:]
            break
        if word == "-" or not word.startswith("-"):
            arguments.words.append(word)
            continue
        name, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = options.get(name)
        if option is None:
            raise UsageError(_unknown(name, options))
        values = [value] if has_value else []
        if len(values) > len(option.values):
            raise UsageError(f"option '{name}' takes no value")
        while len(values) < len(option.values):
            if position == len(words):
                wanted = "a value" if len(option.values) == 1 else f"{len(option.values)} values"
                raise UsageError(f"option '{name}' needs {wanted}: {' '.join(option.values)}")
            values.append(words[position])
            position += 1
        arguments.store(option, values)
    return arguments


def _unknown(name: str, options: dict[str, CommandOption]) -> str:
    from snowsnake.diagnostics.suggestions import nearest, sentence

    names = nearest(name, options)
    return f"unknown option '{name}'" + (f". {sentence(names)}" if names else "")


def help_text(usage: str, summary: str, table: "tuple[CommandOption, ...]", notes: str = "") -> str:
    """The text of `--help`: usage, a description of the command, its options in the order of the table."""
    rows = [(", ".join(option.names) + "".join(f" {value.replace('*', '…')}" for value in option.values), option.help) for option in table]
    width = min(30, max((len(left) for left, _ in rows), default=0))
    lines = [f"usage: {usage}", "", summary, "", "options:"]
    for left, right in rows:
        lines += _row(left, right, width)
    if notes:
        lines += ["", notes]
    return "\n".join(lines)


def _row(left: str, right: str, width: int) -> list[str]:
    indent = " " * (width + 4)
    lines: list[str] = []
    line = f"  {left:{width}}  "
    if len(left) > width:
        lines.append(f"  {left}")
        line = indent
    for word in right.split():
        if len(line) + len(word) > 100 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    lines.append(line.rstrip())
    return lines


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def unbundle(word: str, rest: list[str]) -> str:
    """Splits `-vL` into `-v`, `-L`, and `-j3` into `-j`, `3`; returns the first, and puts the others in front of the rest.

    Returns any other word itself.

    >>> rest = []
    >>> unbundle("-Ié=/x", rest), rest
    ('-I', ['é=/x'])
    """
    if len(word) <= 2 or word[0] != "-" or not _is_letter(word[1]):
        return word
    parts: list[str] = []
    for position in range(2, len(word)):
        if not _is_letter(word[position]):
            parts.append(word[position:])
            break
        parts.append("-" + word[position])
    rest[:0] = parts
    return word[:2]


def take_values(word: str, count: int, rest: list[str]) -> list[str]:
    """Takes the *count* values of an option from *rest*; UsageError if there are fewer.

    >>> rest = ["name", "value", "more"]
    >>> take_values("--option", 2, rest), rest
    (['name', 'value'], ['more'])
    """
    if len(rest) < count:
        raise UsageError(f"flag '{word}' requires {count} argument(s), but only {len(rest)} were given")
    values = rest[:count]
    del rest[:count]
    return values


def next_words(rest: list[str]) -> "Iterator[tuple[str, bool]]":
    """Takes the words of a command line from *rest*: (word, whether it comes after `--`), without the first `--`.

    The caller takes the values of an option from *rest* itself.  Bundled options are words of their own (`unbundle`), except after `--`.

    >>> rest = ["-vI", "folder", "--", "-v", "--"]
    >>> [(word, is_after) for word, is_after in next_words(rest) if word != "-I" or rest.pop(0)]
    [('-v', False), ('-I', False), ('-v', True), ('--', True)]
    """
    while rest:
        word = unbundle(rest.pop(0), rest)
        if word == "--":
            break
        yield word, False
    while rest:
        yield rest.pop(0), True
