"""Reads the command line of `nix`: global options may be anywhere, those of a subcommand come after its name.

In: words.  Out: a `Call` with the row of the table, its options and words, the settings.  Messages are 2.34.8's.
"""

import os

from snowsnake.cli.nix.options import GLOBAL
from snowsnake.cli.nix.table import BY_NAME, DEPRECATED, GROUPS, RENAMED, SHORT, Row, names_below
from snowsnake.cli.options import Arguments, CommandOption, UsageError, next_words, take_values
from snowsnake.cli.output import EVERYTHING, Reporter
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.settings import Settings
from snowsnake.settings.flags import flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.memory import MemoryStore


class Call:
    """The parsed command line."""

    def __init__(self, settings: Settings, reporter: Reporter) -> None:
        self.settings = settings
        self.reporter = reporter
        self.given = Arguments()
        self.given.settings = settings
        # The group of subcommands, as soon as it is known.
        self.group = ""
        self.row: Row | None = None
        # The words of a command that we do not have.
        self.left: list[str] = []
        # The store of the evaluation, if the command reads from it afterwards.
        self.evaluation_store: MemoryStore | None = None

    @property
    def eval_store(self) -> str | None:
        """The address of the store for evaluation; None if it is the store of the settings."""
        # An empty address means the machine's own store, as `auto` does.
        return self.given.text("eval_store") if "eval_store" in self.given.values else None

    @property
    def words(self) -> list[str]:
        """The words after the subcommand, without options."""
        return self.given.words


def read(words: list[str], reporter: Reporter) -> Call:
    """Reads a command line; UsageError or SettingError if it is wrong."""
    settings = Settings.load(os.environ, warn=reporter.warning)
    # `nix` evaluates purely, whatever nix.conf says.
    settings.set("pure-eval", "true", origin="nix")
    call = Call(settings, reporter)
    rest = _without_script(call, words)
    for word, is_after_options in next_words(rest):
        if word.startswith("-") and not is_after_options:
            _option(call, word, rest)
            if call.given.flag("help"):
                # `--help` answers at once, whatever follows.
                break
        elif call.row is not None:
            _word(call, call.row, word)
        else:
            rest[:0] = _name(call, word)
            if call.row is not None and not call.row.runner and not is_after_options:
                # The words for the installed Nix that runs the command.
                call.left = rest
                break
    if call.row is not None and call.row.runner and len(call.words) < sum(not word.endswith(("?", "*")) for word in call.row.words):
        if not (call.given.flag("help") or call.given.flag("version")):
            raise UsageError("more arguments are required")
    return call


def _without_script(call: Call, words: list[str]) -> list[str]:
    """The words of the command line; if the first is a script that we interpret, the words of its head take its place."""
    if words and not words[0].startswith("-") and os.path.isfile(words[0]):
        from snowsnake.cli.nix.script import words_of_script

        found = words_of_script(words)
        if found is not None:
            call.given.base_folder = os.path.abspath(found[1])
            return found[0]
    return list(words)


def _name(call: Call, word: str) -> list[str]:
    """Adds a word of a subcommand's name to the call; returns the words that replace it (for an old or a short name)."""
    if not call.group and word in DEPRECATED:
        call.reporter.warning(f"'{word}' is a deprecated alias for '{DEPRECATED[word]}'")
        return DEPRECATED[word].split()
    if not call.group and word in SHORT:
        return SHORT[word].split()
    name = f"{call.group} {word}".strip()
    if name in RENAMED:
        call.reporter.warning(f"'{word}' is a deprecated alias for '{RENAMED[name]}'")
        name = f"{call.group} {RENAMED[name]}"
    if name in BY_NAME:
        call.row = BY_NAME[name]
    elif not call.group and word in GROUPS:
        call.group = word
    else:
        from snowsnake.diagnostics.suggestions import nearest, sentence

        alike = nearest(word, names_below(call.group))
        raise UsageError(f"'{word}' is not a recognised command" + (f"\n{sentence(alike)}" if alike else ""))
    return []


def _word(call: Call, row: Row, word: str) -> None:
    if not row.words or (len(call.words) >= len(row.words) and not row.words[-1].endswith("*")):
        raise UsageError(f"unexpected argument '{word}'")
    call.words.append(word)


def _option(call: Call, word: str, rest: list[str]) -> None:
    option = _find(word, GLOBAL)
    setting = flag(word) if option is None else None
    if option is None and setting is None and call.row is not None:
        option = _find(word, call.row.options)
    if option is None and setting is None:
        raise UsageError(f"unrecognised flag '{word}'")
    count = len(option.values) if option is not None else setting.count if setting is not None else 0
    if option is not None and option.takes_rest:
        count = len(rest)
    values = take_values(word, count, rest)
    if setting is not None:
        call.settings.set_flag(setting, values)
    elif option is not None:
        _apply(call, word, option, values)


def _find(word: str, table: tuple[CommandOption, ...]) -> CommandOption | None:
    return next((option for option in table if word in option.names), None)


def _apply(call: Call, word: str, option: CommandOption, values: list[str]) -> None:
    if option.key == "option":
        call.settings.set_or_warn(values[0], values[1])
    elif option.key == "verbose":
        call.reporter.verbosity += 1
    elif option.key == "quiet":
        call.reporter.verbosity = max(0, call.reporter.verbosity - 1)
    elif option.key == "debug":
        call.reporter.verbosity = EVERYTHING
    elif option.key == "j":
        call.settings.set("max-jobs", values[0])
    elif option.key == "impure":
        call.settings.set("pure-eval", "false")
        call.given.store(option, values)
    elif option.key == "log_format":
        call.reporter.choose_log_format(values[0])
    else:
        if option.key in ("override_input", "update_input"):
            from snowsnake.cli.flake_options import input_path
            from snowsnake.lock.lock_file import parse_input_path

            try:
                input_path(parse_input_path(values[0]), word)
            except EvaluationError as error:
                raise UsageError(error.message) from None
        if option.key in ("set_env_var", "unset_env_var"):
            from snowsnake.cli.executing import check_environment_option

            check_environment_option(call, option.key, values)
        elif option.key == "eval_store":
            from snowsnake.settings.store_reference import StoreReference

            StoreReference.parse(values[0])
        if option.takes_rest and not values:
            raise UsageError(f"{option.names[-1]} requires at least one argument")
        call.given.store(option, values)
