"""A session of `nix repl`: reads lines, evaluates expressions, binds names, carries out commands.

In: lines.  Out: values on standard output, everything else on standard error.  What goes wrong ends a line, never the session.
"""

import gc
import os
import subprocess
import sys

from snowsnake import looking
from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.nix.value_text import Style, name_text, write_value
from snowsnake.cli.output import report, write, write_line, write_text
from snowsnake.cli.repl.reading import CONTINUATION, PROMPT, Reader, open_reader
from snowsnake.cli.repl.scope import Incomplete, Scope
from snowsnake.cli.signals import EndedBySignal
from snowsnake.diagnostics.error import EvaluationError, Frame, as_error
from snowsnake.foundation.log_numbers import NOTICE
from snowsnake.selection import TYPE_NAMES
from snowsnake.version import NIX_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle
    from snowsnake.store.interface import Store

    # The values of a command line, each with what messages call it.
    Values = Callable[[], Iterable[tuple[Handle, str]]]

_MOST_SHOWN = 20
_MERGING = "while evaluating an attribute set to be merged in the global scope"
_NO_PATH = "cannot use ':load-flake' without a path specified. (Use '.' for the current working directory.)"
_SHELL_OF = 'drv: (import <nixpkgs> {}).runCommand "shell" { buildInputs = [ drv ]; } ""'
_BLANKS = " \n\r\t"


class Repl:
    """A session.  *values*: what the command line names; `:reload` evaluates it again."""

    def __init__(self, session: "Session", values: "Values", history: str) -> None:
        self.session = session
        self.reporter = session.reporter
        self.scope = Scope(session)
        self._values = values
        self._history = history
        self._files: list[str] = []
        self._flakes: list[str] = []
        self._loaded: Handle | None = None
        self._opened: Store | None = None
        # The source of the lines.
        self.reader: Reader | None = None

    # ---- the loop -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Reads lines until there are no more, or one says `:quit`."""
        # `guarded` switches the collector off, but a session may be long.
        gc.enable()
        self._say(f"Nix {NIX_VERSION}\nType :? for help.")
        self._load_again()
        self.reader = open_reader(self._history, self.scope.completions, self.reporter.warning)
        try:
            self._loop(self.reader)
        finally:
            self.reader.close()

    def _loop(self, reader: Reader) -> None:
        text = ""
        while True:
            try:
                line = reader.line(CONTINUATION if text else PROMPT)
            except EndedBySignal:
                raise
            except KeyboardInterrupt:
                text = ""
                write_line(b"")
                continue
            if line is None:
                write_line(b"")
                return
            text += line + "\n"
            try:
                if not self._process(text.strip(_BLANKS)):
                    return
            except Incomplete:
                continue
            except BrokenPipeError:
                raise
            except (Exception, KeyboardInterrupt) as error:
                # A signal other than Ctrl-C ends the session.
                if hasattr(error, "number"):
                    raise
                self._report(error)
            text = ""
            write_line(b"")

    def _process(self, text: str) -> bool:
        """Carries out one input; returns whether the session goes on."""
        if text.startswith(":"):
            name, argument = _split(text)
            if name in (":q", ":quit"):
                return False
            command = _COMMANDS.get(name)
            if command is None:
                raise EvaluationError("value", f"unknown command '{name}'")
            command(self, argument, name)
        elif text and not self.scope.bind(text):
            self._print(self.scope.value(text), levels=1)
        return True

    def _report(self, error: BaseException) -> None:
        if isinstance(error, NotOurs):
            self.reporter.failure(f"{error} is left to an installed Nix")
        elif isinstance(error, ValueError):
            # Stores raise such errors about paths and contents.
            report(as_error(error), self.reporter)
        else:
            report(error, self.reporter)

    def _say(self, text: str) -> None:
        # A single `--quiet` does not leave out such messages.
        self.reporter.remark(NOTICE, text)

    def _print(self, value: "Handle", levels: int | None = None) -> None:
        style = Style(has_colours=True, indent=2, levels=levels, raises=True)
        # The first piece is held back: if the value fails before there is a second one, the error is shown first.
        held: list[bytes] = []
        is_first = True

        def put(piece: bytes) -> None:
            nonlocal is_first
            if is_first:
                held.append(piece)
            else:
                write(b"".join(held) + piece)
                held.clear()
            is_first = False

        try:
            write_value(value, self.session.evaluator, put, self.scope.depth_limit, style)
            held.append(b"\n")
        except EvaluationError as error:
            self._report(error)
        write(b"".join(held))

    # ---- names --------------------------------------------------------------------------------------------------

    def _add(self, value: "Handle") -> None:
        """Adds the attributes of a set to the names."""
        try:
            names = value.keys()
        except EvaluationError as error:
            error.trace.insert(0, Frame("text", _MERGING, None))
            raise
        self.scope.add(value)
        self._say(f"Added {len(names)} variables.")
        self._loaded = value
        shown = [name_text(name, self.session.evaluator).decode("utf-8", "surrogateescape") for name in names[:_MOST_SHOWN]]
        self._say(", ".join(shown))
        if len(names) > _MOST_SHOWN:
            self._say(f"... and {len(names) - _MOST_SHOWN} more; view with :ll")

    def _load_again(self) -> None:
        files, self._files = self._files, []
        for path in files:
            self._say(f'Loading "{path}"...')
            self._load_file(path)
        for value, what in self._values():
            self._say(f"Loading installable '{what}'...")
            self._add(value)

    def _load_file(self, path: str) -> None:
        self._files = [*(other for other in self._files if other != path), path]
        self._add(self.session.selector.auto_call(self.session.evaluated_file(path)))

    def _load_flake(self, text: str) -> None:
        from snowsnake.cli.flake_options import open_flakes, refuse_fragment
        from snowsnake.cli.options import Arguments
        from snowsnake.lock.locking import LockOptions

        if not text:
            raise EvaluationError("value", _NO_PATH)
        self._flakes = [*(other for other in self._flakes if other != text), text]
        is_pure = self.session.settings["pure-eval"]
        given = Arguments()
        given.settings = self.session.settings
        flakes = open_flakes(given, self.reporter, self.session)
        reference, fragment = flakes.reference(text, self.session.base_folder)
        refuse_fragment(fragment, text)
        if is_pure and not reference.input.is_locked:
            raise EvaluationError("value", f"cannot use ':load-flake' on unlocked flake reference '{text}' (use --impure to override)")
        self._add(flakes.call(flakes.lock(reference, LockOptions(may_update=False, uses_registries=not is_pure))))

    def _reload(self) -> None:
        self.session.evaluator.forget_imports()
        self.scope.clear()
        self._load_again()
        flakes, self._flakes = self._flakes, []
        for text in flakes:
            self._say(f"Loading flake '{text}'...")
            self._load_flake(text)

    # ---- commands -----------------------------------------------------------------------------------------------

    def add(self, argument: str, name: str) -> None:
        self._add(self.scope.value(argument))

    def load(self, argument: str, name: str) -> None:
        self.session.evaluator.forget_imports()
        self._load_file(argument)

    def load_flake(self, argument: str, name: str) -> None:
        self._load_flake(argument)

    def last_loaded(self, argument: str, name: str) -> None:
        from snowsnake.cli.pager import show

        if self._loaded is None:
            raise EvaluationError("value", "nothing has been loaded yet")
        show(b"".join(key + b"\n" for key in self._loaded.keys()))

    def reload(self, argument: str, name: str) -> None:
        self._reload()

    def print(self, argument: str, name: str) -> None:
        value = self.scope.value(argument)
        if value.type_name() == "string":
            write_line(value.string())
        else:
            self._print(value)

    def type(self, argument: str, name: str) -> None:
        write_line(_type_of(self.scope.value(argument)).encode())

    def document(self, argument: str, name: str) -> None:
        from snowsnake.cli.repl.documentation import described
        from snowsnake.cli.repl.markdown import shown

        write_text(shown(described(self.scope, argument)).strip(_BLANKS))

    def enable_traces(self, argument: str, name: str) -> None:
        if argument not in ("", "true", "false"):
            raise EvaluationError("value", f"unexpected argument '{argument}' to {name}")
        shows = argument == "true" or (not argument and not self.reporter.show_trace)
        write_line(b"showing error traces" if shows else b"not showing error traces")
        self.reporter.show_trace = shows

    def edit(self, argument: str, name: str) -> None:
        from snowsnake.cli.nix.edit import editor_command, package_place

        value = self.scope.value(argument)
        if value.type_name() in ("path", "string"):
            file, line = value.coerce_to_path().decode("utf-8", "surrogateescape"), 0
        else:
            found = looking.lambda_place(value)
            if found is None:
                file, line = package_place(self.session, value, f"package '{argument}' has no source location information")
            else:
                from snowsnake.source import Position

                position = None if found[1] is None else Position(*found[1])
                if position is None or not position.file.startswith("/"):
                    raise EvaluationError("value", f"'{position or '«none»'}' cannot be shown in an editor")
                file, line = position.file, position.line
        self._execute(editor_command(file, line), lambda: f"program '{editor_command(file, line)[0]}'")
        self._reload()

    def build(self, argument: str, name: str) -> None:
        from snowsnake.cli.building import BuildErrors

        drv_path = self._derivation(self.scope.value(argument))
        store = self._store()
        with BuildErrors():
            store.realise([f"{drv_path}!*"])
        write_line(b"\nThis derivation produced the following outputs:")
        for output, path in sorted(store.made_outputs(drv_path).items()):
            shown = output
            if name == ":bl" and store.has_roots:
                shown = f"./repl-result-{output}"
                store.add_root(os.path.abspath(shown), path)
            write_text(f"  {shown} -> {path}")

    def install(self, argument: str, name: str) -> None:
        self._run_nix("snowsnake.cli.old.env", ["-i", self._derivation(self.scope.value(argument))], "nix-env")

    def shell(self, argument: str, name: str) -> None:
        self._run_nix("snowsnake.cli.old.shell", [self._derivation(self.scope.value(argument))], "nix-shell")

    def use(self, argument: str, name: str) -> None:
        value = self.scope.value(argument)
        made = self.session.expression(_SHELL_OF.encode()).call(value)
        self._run_nix("snowsnake.cli.old.shell", [self._derivation(made)], "nix-shell")

    def log(self, argument: str, name: str) -> None:
        from snowsnake.cli.nix.store import find_log
        from snowsnake.cli.pager import show

        drv_path = self._derivation(self.scope.value(argument))
        show(find_log(self._store(), drv_path, drv_path, self.session.settings, self.reporter) + b"\n")

    def help(self, argument: str, name: str) -> None:
        for words, text in _HELP:
            write_line(f"  {words:28} {text}".encode())

    # ---- what the commands share --------------------------------------------------------------------------------

    def _derivation(self, value: "Handle") -> str:
        """The path of the derivation that a value is; its `.drv` file is in the store afterwards."""
        from snowsnake.cli.nix.installables import is_derivation
        from snowsnake.selection import drv_path_of

        if not is_derivation(value):
            raise EvaluationError("type", "expression does not evaluate to a derivation, so I can't build it")
        if b"name" not in value.keys():
            raise EvaluationError("missing-attribute", "derivation name missing")
        if b"drvPath" not in value.keys():
            raise EvaluationError("missing-attribute", "expression did not evaluate to a valid derivation (no 'drvPath' attribute)")
        path = drv_path_of(value.select(b"drvPath"), self.session.evaluator.store_dir)
        self.session.evaluator.flush_store()
        if not self._store().is_valid(path):
            raise EvaluationError("value", f"expression evaluated to invalid derivation '{path}'")
        return path

    def _store(self) -> "Store":
        """The store of the evaluation, or, if that writes to none, the one of the settings."""
        found: Store | None = self.session.evaluator.store or self._opened
        if found is None:
            from snowsnake.cli.stores import open_store

            found = self._opened = open_store(self.session.settings, self.reporter.warning, is_writable=True, reporter=self.reporter)
        return found

    def _run_nix(self, module: str, words: list[str], name: str) -> None:
        """Runs one of our commands with the settings of this session."""
        settings = self.session.settings
        from snowsnake.settings.known import KNOWN

        lines = "".join(f"{key} = {settings.text(key)}\n" for key in KNOWN if settings.is_set(key))
        command = [sys.executable, "-I", "-c", f"import sys; from {module} import main; sys.exit(main(sys.argv[1:]))", *words]
        self._execute(command, lambda: f"program '{name}'", {**os.environ, "NIX_CONFIG": lines})

    def _execute(self, command: list[str], what: "Callable[[], str]", environment: "dict[str, str] | None" = None) -> None:
        sys.stdout.flush()
        try:
            status = subprocess.run(command, env=environment).returncode
        except OSError as error:
            raise EvaluationError("file", f"executing '{command[0]}': {error.strerror}") from None
        if status:
            from snowsnake.foundation.program_ends import failed_text

            raise EvaluationError("file", f"{what()} {failed_text(status)}")


def _split(text: str) -> tuple[str, str]:
    """A command and its argument.

    >>> _split(":p 1 + 1"), _split(":ll")
    ((':p', '1 + 1'), (':ll', ''))
    """
    end = next((number for number, character in enumerate(text) if character in _BLANKS), len(text))
    return text[:end], text[end:].strip(_BLANKS)


def _type_of(value: "Handle") -> str:
    kind = value.type_name()
    if kind == "string":
        has_context = looking.apply_builtin(value, b"hasContext").to_python()
        return "a string with context" if has_context else "a string"
    if kind == "lambda":
        name = looking.builtin_name(value)
        if name is not None:
            return f"the built-in function '{name}'"
        name = looking.applied_builtin(value)
        if name is not None:
            return f"the partially applied built-in function '{name}'"
    return TYPE_NAMES[kind]


_TABLE: "tuple[tuple[str, Callable[[Repl, str, str], None] | None, str, str], ...]" = (
    ("", None, "EXPR", "evaluate, and print as far as the first level"),
    ("", None, "NAME = EXPR", "bind a name"),
    (":a :add", Repl.add, "EXPR", "add the attributes of a set to the names"),
    (":b :bl", Repl.build, "EXPR", "build a derivation; :bl makes links to the outputs"),
    (":doc", Repl.document, "EXPR", "show the documentation of a function or an attribute"),
    (":e :edit", Repl.edit, "EXPR", "open a file, a function or a package in the editor"),
    (":i", Repl.install, "EXPR", "build a derivation and add it to the profile"),
    (":l :load", Repl.load, "PATH", "add the attributes of a file's value to the names"),
    (":lf :load-flake", Repl.load_flake, "FLAKE", "add the attributes of a flake to the names"),
    (":ll :last-loaded", Repl.last_loaded, "", "list the names that were added last"),
    (":log", Repl.log, "EXPR", "show what the builder of a derivation printed"),
    (":p :print", Repl.print, "EXPR", "evaluate, and print everything; a string as it is"),
    (":q :quit", None, "", "end the session"),
    (":r :reload", Repl.reload, "", "read all files and flakes again"),
    (":sh", Repl.shell, "EXPR", "run a shell with what a derivation needs"),
    (":t", Repl.type, "EXPR", "show the type of a value"),
    (":te :trace-enable", Repl.enable_traces, "[BOOL]", "show traces of errors, or not"),
    (":u", Repl.use, "EXPR", "run a shell with a derivation on its PATH"),
    (":? :help", Repl.help, "", "show this"),
)
_COMMANDS = {name: command for names, command, _, _ in _TABLE for name in names.split() if command is not None}
_HELP = [(f"{names.replace(' ', ', ')} {words}".strip(), text) for names, _, words, text in _TABLE]
