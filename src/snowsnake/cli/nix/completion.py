"""Completes a word of a command line when a shell asks `nix` with the variable NIX_GET_COMPLETIONS.

In: the words of a command line, the number of the word to complete.  Out: on stdout `normal`, `filenames` or `attrs`, then a line for each
completion: text, tab, description.  A failure on the way is not an error: there is just nothing to complete.
"""

import os
from collections.abc import Callable, Iterable

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.options import GLOBAL
from snowsnake.cli.nix.table import BY_NAME, DEPRECATED, GROUPS, SHORT, names_below
from snowsnake.cli.options import CommandOption, UsageError, next_words
from snowsnake.cli.output import Reporter, write_text
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.foundation.digits import whole_number
from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.flags import flag
from snowsnake.settings.table import OURS, SINCE
from snowsnake.store.hashing import ALGORITHMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.flake.session import FlakeSession
    from snowsnake.handle import Handle

    Completer = Callable[["Completion", str], None]

_MARK = "___COMPLETE___"


class _Missing(Exception):
    """The rest of the command line cannot be read: the completions found so far are all."""


class _Quiet(Reporter):
    """Shows nothing."""

    def _write(self, text: str) -> None:
        """Writes nothing: a failure leaves the completions as they are."""


class Completion:
    """A question of the shell, and the answers."""

    def __init__(self, reporter: Reporter) -> None:
        self.kind = "normal"
        self.found: set[tuple[str, str]] = set()
        self.call = Call(Settings.load(os.environ, warn=lambda _: None), reporter)
        self.call.settings.set("pure-eval", "true", origin="nix")
        self.deferred: list[Callable[[], None]] = []
        self.pending: list[str] = []
        # The name of the command, as far as it is known, and how many of its words have been read.
        self.name = ""
        self.place = 0

    # ---- reading ------------------------------------------------------------------------------------------------

    def read(self, words: list[str]) -> None:
        rest = list(words)
        for word, is_after_options in next_words(rest):
            if word.startswith("-") and not is_after_options:
                self._option(word, rest)
            else:
                self.pending.append(word)
                self._take(False)
        self._take(True)
        row = self.call.row
        if row is not None and self.place < len(row.words) and not row.words[self.place].endswith(("?", "*")):
            # The command requires more words.
            raise _Missing

    def _option(self, word: str, rest: list[str]) -> None:
        options = (*GLOBAL, *(self.call.row.options if self.call.row is not None else ()))
        if _MARK in word:
            prefix = word.partition(_MARK)[0]
            for name, text in ((name, known.help) for known in options for name in known.names):
                if name.startswith(prefix) if prefix.startswith("--") else prefix == "-" and not name.startswith("--"):
                    self.add(name, text)
            if prefix == "-":
                self.add("--", "")
            raise _Missing
        option = next((option for option in options if word in option.names), None)
        setting = flag(word) if option is None else None
        if option is None and setting is None:
            raise _Missing
        count = len(option.values) if option is not None else setting.count if setting is not None else 0
        values: list[str] = []
        is_completed = False
        for number in range(count):
            if not rest:
                if is_completed:
                    break
                raise _Missing
            value = rest.pop(0)
            if _MARK in value:
                is_completed = True
                if option is not None:
                    self._defer(_completer_of(option, number), value)
            values.append(value)
        if is_completed:
            return
        if setting is not None:
            self.call.settings.set_flag(setting, values)
        elif option is not None and option.key == "option":
            self.call.settings.set_or_warn(values[0], values[1])
        elif option is not None:
            if option.key == "impure":
                self.call.settings.set("pure-eval", "false")
            self.call.given.store(option, values)

    def _take(self, is_end: bool) -> None:
        row = self.call.row
        if row is None:
            if self.pending:
                self._command(self.pending.pop(0))
            return
        if self.place >= len(row.words):
            if self.pending:
                # The command line has a word too many.
                raise _Missing
            return
        word = row.words[self.place]
        is_many = word.endswith("*")
        if not self.pending or (is_many and not is_end):
            return
        is_completed = False
        for value in self.pending:
            if _MARK in value:
                is_completed = True
                self._defer(_WORDS.get(f"{row.name} {word.rstrip('?*')}") or _WORDS.get(word.rstrip("?*")), value)
        if not is_completed:
            self.call.given.words += self.pending
        self.pending = []
        self.place += 1

    def _command(self, word: str) -> None:
        if _MARK in word:
            prefix = word.partition(_MARK)[0]
            offer = _one_of(names_below(self.name))
            self.deferred.append(lambda: offer(self, prefix))
            self.pending = []
            self.name = "?"
            return
        words = (DEPRECATED.get(word) or SHORT.get(word) or word).split() if not self.name else [word]
        name = " ".join([self.name, *words]).strip()
        if name in BY_NAME:
            self.call.row = BY_NAME[name]
        elif name in GROUPS:
            self.name = name
        else:
            raise _Missing

    def _defer(self, completer: "Completer | None", word: str) -> None:
        if completer is not None:
            prefix = word.partition(_MARK)[0]
            self.deferred.append(lambda: completer(self, prefix))

    # ---- answering ----------------------------------------------------------------------------------------------

    def add(self, text: str, description: str) -> None:
        """Adds a completion with the first sentence of its description."""
        description = description.strip()
        ends = [place for place in (description.find("."), description.find("\n")) if place >= 0]
        if ends:
            end = min(ends)
            description = description[:end] + ("" if end == len(description) - 1 else " [...]")
        self.found.add((text, description))

    def answer(self) -> None:
        lines = [self.kind, *(f"{text}\t{description}" for text, description in sorted(self.found))]
        write_text("\n".join(lines))

    def flakes(self) -> "FlakeSession":
        from snowsnake.cli.flake_options import open_flakes
        from snowsnake.cli.nix.evaluate import open_session

        return open_flakes(self.call.given, self.call.reporter, open_session(self.call), applies_config=False)


def complete(words: list[str], reporter: Reporter) -> int:
    """Prints the completions for the command line `words` and the variable NIX_GET_COMPLETIONS."""
    text = os.environ["NIX_GET_COMPLETIONS"]
    number = whole_number(text, len(words))
    if not number:
        raise UsageError(f"NIX_GET_COMPLETIONS is the number of a word, from 1 to {len(words)}, not '{text}'")
    words = list(words)
    words[number - 1] += _MARK
    # Failures are not reported.
    reporter.verbosity = 0
    completion = Completion(_Quiet())
    try:
        completion.read(words)
        completion.call.settings.finish()
        for work in completion.deferred:
            work()
    except (_Missing, UsageError, SettingError, EvaluationError, FetchFailure, OSError):
        pass
    completion.answer()
    return 0


# ---- completers -----------------------------------------------------------------------------------------------------


def _path(completion: Completion, prefix: str) -> None:
    _glob(completion, prefix, only_folders=False)


def _glob(completion: Completion, prefix: str, only_folders: bool) -> None:
    """Completes a file name, as the C library's `glob` of PREFIX* does."""
    from fnmatch import fnmatchcase

    completion.kind = "filenames"
    pattern = _at_home(prefix) + "*"
    last = pattern.rpartition("/")[2]
    start = pattern[: len(pattern) - len(last)]
    try:
        names = os.listdir(start or ".")
    except OSError:
        return
    for name in names:
        if name.startswith(".") and not last.startswith("."):
            continue
        if fnmatchcase(name, last) and not (only_folders and not os.path.isdir(start + name)):
            completion.add(start + name, "")


def _at_home(text: str) -> str:
    if text == "~" or text.startswith("~/"):
        from snowsnake.settings.places import home

        return home(os.environ) + text[1:]
    return text


def _flake(completion: Completion, prefix: str) -> None:
    """Completes a flake reference: folders, and names in the registries."""
    from snowsnake.lock.registries import KINDS

    if "flakes" not in completion.call.settings["experimental-features"]:
        return
    if not prefix:
        completion.add(".", "")
    _glob(completion, prefix, only_folders=True)
    registries = completion.flakes().world.registries
    for kind in KINDS:
        for entry in registries.get(kind).entries:
            name = str(entry.source)
            if name.startswith("flake:") and not prefix.startswith("flake:"):
                name = name.removeprefix("flake:")
            if name.startswith(prefix):
                completion.add(name, "")


def _installable(completion: Completion, prefix: str) -> None:
    given = completion.call.given
    try:
        if given.flag("file"):
            _attribute_of_file(completion, prefix)
        else:
            _output(completion, prefix, None, None)
    except EvaluationError:
        pass


def _attribute_of_file(completion: Completion, prefix: str) -> None:
    from snowsnake.cli.nix.evaluate import load

    completion.kind = "attrs"
    before, dot, wanted = prefix.rpartition(".")
    session, value = load(completion.call, before)
    value = session.selector.auto_call(value)
    if value.type_name() == "set":
        for name in value.keys():
            text = name.decode("utf-8", "surrogateescape")
            if text.startswith(wanted):
                completion.add(f"{before}.{text}" if before else text, "")


def _output(completion: Completion, prefix: str, prefixes: "tuple[str, ...] | None", defaults: "tuple[str, ...] | None") -> None:
    """Completes `FLAKE#ATTRIBUTE`: the attributes below the prefixes that a command tries."""
    from snowsnake.cli.flake_options import lock_options
    from snowsnake.flake.session import package_places
    from snowsnake.selection import split_path

    text, mark, fragment = prefix.partition("#")
    if not mark:
        _flake(completion, prefix)
        return
    completion.kind = "attrs"
    root, fragment = (".", fragment[1:]) if fragment.startswith(".") else ("", fragment)
    flakes = completion.flakes()
    usual_defaults, usual_prefixes = package_places(flakes.system)
    prefixes = usual_prefixes if prefixes is None else prefixes
    defaults = usual_defaults if defaults is None else defaults
    reference, _ = flakes.reference(_at_home(text), os.getcwd())
    outputs = flakes.outputs(flakes.lock(reference, lock_options(completion.call.given, flakes, completion.call.reporter)))
    for start in (*(() if root else prefixes), ""):
        whole = start + fragment
        path = split_path(whole)
        last = path.pop() if path and not whole.endswith(".") else ""
        if whole.endswith(".") and path and not path[-1]:
            path.pop()
        value = _along(outputs, path)
        if value is None:
            continue
        if value.type_name() != "set":
            return
        kept = path[len(split_path(start.rstrip("."))) :] if start else path
        for name in value.keys():
            shown = name.decode("utf-8", "surrogateescape")
            if shown.startswith(last):
                completion.add(f"{text}#{root}{'.'.join([*kept, shown])}", "")
    if not fragment and any(_along(outputs, split_path(path)) is not None for path in defaults):
        completion.add(f"{text}#{root}", "")


def _along(root: "Handle", path: list[str]) -> "Handle | None":
    from snowsnake.plain import find

    value = root
    for part in path:
        found = find(value, part.encode("utf-8", "surrogateescape"))
        if found is None:
            return None
        value = found
    return value


def _template(completion: Completion, prefix: str) -> None:
    try:
        _output(completion, prefix, ("templates.",), ("templates.default", "defaultTemplate"))
    except EvaluationError:
        pass


def _input(completion: Completion, prefix: str) -> None:
    """Completes the name of an input of the flakes on the command line."""
    from snowsnake.lock.registries import KINDS

    call = completion.call
    assert call.row is not None
    words = call.words
    if call.row.words[:1] == ["inputs*"]:
        words = [call.given.text("flake")] if call.given.flag("flake") else []
    flakes = completion.flakes()
    for word in words or ["."]:
        reference, _ = flakes.reference(_at_home(word), os.getcwd())
        for name in flakes.world.flake(reference, KINDS).declaration.inputs:
            if name.startswith(prefix):
                completion.add(name, "")


def _setting(completion: Completion, prefix: str) -> None:
    for name, since in SINCE.items():
        if since != OURS and name.startswith(prefix):
            completion.add(name, f"Set the `{name}` setting.")


def _one_of(names: Iterable[str]) -> "Completer":
    def offer(completion: Completion, prefix: str) -> None:
        for name in names:
            if name.startswith(prefix):
                completion.add(name, "")

    return offer


_ALGORITHM = _one_of(ALGORITHMS)
_FORMAT = _one_of(("base16", "nix32", "base64", "sri"))
# The completers of words, by the name of the word, or by the name of a command and that of its word.
_WORDS: "dict[str, Completer]" = {
    "installable": _installable, "installables": _installable, "package": _installable, "dependency": _installable, "flake-url": _flake,
    "inputs": _input, "dest-dir": _path, "nar": _path, "paths": _path, "store cat path": _path, "store ls path": _path, "nar pack path": _path,
    "locked": _flake,
}  # fmt: skip
# The completers of the values of options, by the option's key; None for a value that has no completions.
_OPTIONS: "dict[str, tuple[Completer | None, ...]]" = {
    "option": (_setting,), "file": (_path,), "override_input": (_input, _flake), "update_input": (_input,), "reference_lock_file": (_path,),
    "output_lock_file": (_path,), "inputs_from": (_flake,), "dest": (_path,), "out_link": (_path,), "profile": (_path,), "flake": (_flake,),
    "template": (_template,), "hash_algo": (_ALGORITHM,), "algo": (_ALGORITHM,), "type": (_ALGORITHM,), "from": (_FORMAT,), "to": (_FORMAT,),
    "format": (_FORMAT,), "key_file": (_path,),
}  # fmt: skip


def _completer_of(option: CommandOption, number: int) -> "Completer | None":
    known = _OPTIONS.get(option.key, ())
    return known[number] if number < len(known) else None
