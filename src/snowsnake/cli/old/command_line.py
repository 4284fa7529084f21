"""Reads the command line of Nix's old commands: the options that all of them share, which may be anywhere, and a command's own options.

In: words; a function that handles the words that are not shared options.  Out: `Common`, with the settings.  Messages are 2.34.8's.
"""

import os

from snowsnake.cli.hand_on import NotOurs, hand_on
from snowsnake.cli.options import SHORT_SETTINGS, WHOLE_NUMBERS, UsageError, next_words, take_values
from snowsnake.cli.output import EVERYTHING, QUIET, Reporter
from snowsnake.settings import Settings
from snowsnake.settings.flags import flag
from snowsnake.settings.kinds import scaled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    R = TypeVar("R", bound="Request")

    # `handle(word, rest)` returns whether the command knows a word, and takes the values that follow the word from `rest`.
    Handle = Callable[[str, list[str]], bool]

# The number of values of each shared option.  settings/flags.py knows `--store` and the other options that are settings.
_SHARED = {
    "--option": 2, "--verbose": 0, "-v": 0, "--quiet": 0, "--debug": 0, "--log-format": 1, "-j": 1, "--no-build-output": 0, "-Q": 0,
    "-K": 0, "-k": 0, "--readonly-mode": 0, "--no-gc-warning": 0,
}  # fmt: skip


class Request:
    """The command line of one command: its own options, and the other words in `words`.  `answer` is `--help` or `--version` if it asks for that.

    A command lists its options in `FLAGS` and `VALUES`; it overrides `option` for options that need more than that.
    """

    # Options without a value, and the fields that they set to True; options with a value, and the fields that get it.
    FLAGS: "dict[str, str]" = {}
    VALUES: "dict[str, str]" = {}
    takes_words = True

    def __init__(self) -> None:
        self.answer = ""
        self.words: list[str] = []

    def option(self, word: str, rest: list[str]) -> bool:
        """Whether the word is an option of this command; the option takes its values from `rest`."""
        if word in self.FLAGS:
            setattr(self, self.FLAGS[word], True)
        elif word in self.VALUES:
            setattr(self, self.VALUES[word], value_of(word, rest))
        else:
            return False
        return True

    def handle(self, word: str, rest: list[str]) -> bool:
        """Handles one word; this method is the `Handle` that `read` calls."""
        if word in ("--help", "--version"):
            self.answer = self.answer or word
            # 2.34 answers at once, whatever follows.
            rest.clear()
        elif self.option(word, rest):
            pass
        elif word.startswith("-") or not self.takes_words:
            return False
        else:
            self.words.append(word)
        return True


class Common:
    """The settings and shared options of an old command."""

    def __init__(self, settings: Settings, reporter: Reporter) -> None:
        self.settings = settings
        self.reporter = reporter
        # `--readonly-mode` and `--no-gc-warning` change these.
        self.is_read_only = False
        self.warns_of_roots = True


def read(words: list[str], reporter: Reporter, handle: "Handle", own: tuple[str, ...] = ()) -> Common:
    """Reads a command line; UsageError or SettingError if it is wrong.  `own`: names of settings that are options of this command instead."""
    settings = Settings.load(os.environ, warn=reporter.warning)
    common = Common(settings, reporter)
    rest = list(words)
    for word, is_after_options in next_words(rest):
        if is_after_options:
            # The command itself handles all words after `--`.
            if not handle(word, []):
                raise UsageError(f"unexpected argument '{word}'")
            continue
        if word.startswith("-") and word not in own and _is_shared(common, word, rest):
            continue
        if not handle(word, rest):
            raise UsageError(f"unrecognised flag '{word}'" if word.startswith("-") else f"unexpected argument '{word}'")
    reporter.show_trace = settings["show-trace"]
    return common


def run_request(
    request: "R", words: list[str], reporter: Reporter, program: str, help_text: str, work: "Callable[[R, Common], None]",
) -> int:
    """Runs a command line of *program*: reads it into *request*, and calls *work* unless it asks for `--help` or `--version`.

    Returns the exit code.  An installed Nix takes over from a request that raises NotOurs while it reads.
    """
    try:
        common = read(words, reporter, request.handle)
    except NotOurs as error:
        hand_on(program, words, error)
    if not answered(request.answer, program, help_text, common):
        common.settings.finish()
        work(request, common)
    return 0


def answered(answer: str, program: str, help_text: str, common: Common) -> bool:
    """Prints the help or the version if `answer` asks for one of them; returns whether it does."""
    if answer == "--help":
        print(help_text)
    elif answer == "--version":
        from snowsnake.cli.about import print_version

        print_version(program, common.settings, common.reporter.verbosity - QUIET)
    return answer in ("--help", "--version")


def value_of(word: str, rest: list[str]) -> str:
    """The value of an option of the command's own: the next word."""
    if not rest:
        raise UsageError(f"'{word}' requires an argument")
    return rest.pop(0)


def whole_number(text: str) -> int:
    """The value of an option that is a limit: a whole number, with a unit if wanted.  The UsageError has 2.34's words for limits."""
    value = scaled(text, 64, False)
    if value is not None:
        return value
    unit = text[-1:].upper()
    if not unit.isascii() or not unit.isalpha():
        raise UsageError(f"'{text}' is not an integer")
    if unit not in "KMGT":
        raise UsageError(f"invalid unit specifier '{unit}'")
    raise UsageError(f"'{text[:-1]}' is not an integer")


def _is_shared(common: Common, word: str, rest: list[str]) -> bool:
    setting = None if word in _SHARED else flag(word)
    if word not in _SHARED and setting is None:
        return False
    count = _SHARED[word] if setting is None else setting.count
    values = take_values(word, count, rest)
    settings = common.settings
    if word in WHOLE_NUMBERS:
        settings.set(word[2:], str(whole_number(values[0])))
    elif setting is not None:
        settings.set_flag(setting, values)
    elif word == "--option":
        settings.set_or_warn(values[0], values[1])
    elif word in ("-v", "--verbose"):
        common.reporter.verbosity += 1
    elif word == "--quiet":
        common.reporter.verbosity = max(0, common.reporter.verbosity - 1)
    elif word == "--debug":
        common.reporter.verbosity = EVERYTHING
    elif word == "--log-format":
        common.reporter.choose_log_format(values[0])
    elif word == "-j":
        settings.set("max-jobs", values[0])
    elif word in SHORT_SETTINGS:
        settings.set(SHORT_SETTINGS[word], "true")
    elif word in ("-Q", "--no-build-output"):
        common.reporter.shows_logs = False
    elif word == "--readonly-mode":
        common.is_read_only = True
    elif word == "--no-gc-warning":
        common.warns_of_roots = False
    return True
