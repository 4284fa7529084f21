"""`nix-shell` of Nix 2.34, option for option: `snowsnake-build` when it is called by this name (`snowsnake links`), and `snowsnake nix-shell`.

In: the words of its command line, or a script that begins with `#! … nix-shell`.  Out: this process becomes bash, with the variables of a
derivation, after what the derivation needs was made valid.
"""

import os
import re
import shutil
import sys
import tempfile

from snowsnake.build.structured import quoted
from snowsnake.cli.building import BuildErrors, realise, repair, report_missing
from snowsnake.cli.hand_on import NotOurs, hand_on
from snowsnake.cli.old.command_line import Common, Request, answered, read, value_of
from snowsnake.cli.old.evaluation import EvaluationWords
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import Reporter, guarded, read_input
from snowsnake.cli.shells.scripts import ScriptHead
from snowsnake.cli.stores import open_store
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.selection import Selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle
    from snowsnake.store.derivation import Derivation
    from snowsnake.store.interface import Store

_HELP = """usage: nix-shell [OPTION …] [FILE …]

Takes the options of nix-shell of Nix 2.34; its manual applies.  FILE is a Nix file (shell.nix or default.nix without one), or a derivation.
  -A, --attr PATH        the attribute with the derivation
  -E, --expr             words are expressions
  -p, --packages         words are packages of nixpkgs
  --run COMMAND          run this, and end
  --command COMMAND      run this in an interactive shell
  --pure                 forget nearly all variables of here; --keep NAME: but this one
  --exclude REGEX        do not build these dependencies
  --repair               build or fetch again what of them is damaged
  --dry-run              only tell what would be fetched and built
  --arg NAME EXPR, --argstr NAME TEXT, -I PATH, --option NAME VALUE, --show-trace, -v
In a script, `#! nix-shell` lines say: -i PROGRAM, the interpreter, and any of these options."""
_IGNORED = frozenset(("--add-drv-link", "--indirect", "--no-out-link", "--no-link", "--check", "--run-env"))
_IGNORED_WITH_VALUE = frozenset(("--drv-link", "--out-link", "-o", "--add-root"))
_PROXIES = tuple(f"{name}_proxy" for name in ("http", "https", "ftp", "all", "no"))
_KEPT = frozenset((
    "HOME", "XDG_RUNTIME_DIR", "USER", "LOGNAME", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "PATH", "TERM", "IN_NIX_SHELL",
    "NIX_SHELL_PRESERVE_PROMPT", "TZ", "PAGER", "NIX_BUILD_SHELL", "SHLVL", *_PROXIES, *map(str.upper, _PROXIES),
))  # fmt: skip
_BASH = b"(import <nixpkgs> {}).bashInteractive"


class _Request(Request):
    """What a command line asks for."""

    def __init__(self, head: ScriptHead | None) -> None:
        super().__init__()
        self.head = head
        self.is_expression = self.is_packages = self.is_pure = self.is_dry_run = False
        # Bash decides by the same two streams.
        self.is_interactive = os.isatty(0) and os.isatty(2)
        self.attributes: list[str] = []
        self.excluded: list[str] = []
        self.kept = set(_KEPT)
        self.command = ""
        self.evaluation = EvaluationWords()

    def option(self, word: str, rest: list[str]) -> bool:
        if word in ("-E", "--expr"):
            self.is_expression = True
        elif word in ("-p", "--packages"):
            self.is_packages = True
        elif word in ("-A", "--attr"):
            self.attributes.append(value_of(word, rest))
        elif word == "--pure":
            self.is_pure = True
        elif word in ("--run", "--command"):
            self.is_interactive = self.is_interactive and word == "--command"
            self.command = value_of(word, rest) + "\nexit"
        elif word == "-i" and self.head is not None:
            self.is_interactive = False
            self.command = self.head.command(value_of(word, rest))
        elif word == "--keep":
            self.kept.add(value_of(word, rest))
        elif word == "--exclude":
            self.excluded.append(value_of(word, rest))
        elif word == "--dry-run":
            self.is_dry_run = True
        elif word == "--debugger":
            raise NotOurs(f"'nix-shell {word}'")
        elif word == "-":
            self.words.append(word)
        elif word in _IGNORED_WITH_VALUE:
            value_of(word, rest)
        else:
            return word in _IGNORED or self.evaluation.handle(word, rest)
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    head = ScriptHead.of(words)
    request = _Request(head)
    try:
        common = read(words if head is None else head.words, reporter, request.handle, own=("-E", "-p", "-i", "-A"))
    except NotOurs as error:
        hand_on("nix-shell", words, error)
    if answered(request.answer, "nix-shell", _HELP, common):
        return 0
    if request.is_packages and request.is_expression:
        raise UsageError("'-p' and '-E' are mutually exclusive")
    common.settings.finish()
    try:
        with BuildErrors(tells_kind=True):
            _Shell(request, common).start()
    except ValueError as error:
        raise as_error(error) from None
    return 0


class _Shell:
    """A shell, from the evaluation to the program."""

    def __init__(self, request: _Request, common: Common) -> None:
        self.request = request
        self.common = common
        self.script_folder = os.path.dirname(os.path.abspath(request.head.path)) if request.head is not None else ""
        self._session: Session | None = None

    @property
    def session(self) -> "Session":
        if self._session is None:
            is_relative = self.common.settings["nix-shell-shebang-arguments-relative-to-script"]
            self._session = self.request.evaluation.open(
                self.common, is_writable=True, base_folder=self.script_folder if is_relative else ""
            )
        return self._session

    def start(self) -> None:
        """Evaluates, builds, and becomes the shell; returns only after `--dry-run`."""
        self._choose_default()
        os.environ["IN_NIX_SHELL"] = "pure" if self.request.is_pure else "impure"
        found = list(self._derivations())
        if len(found) != 1:
            raise UsageError("nix-shell requires a single derivation")
        settings, reporter = self.common.settings, self.common.reporter
        shell = os.environ.get("NIX_BUILD_SHELL")
        shell_drv = self._bash() if shell is None else None
        if self._session is not None:
            self._session.evaluator.flush_store()
        with open_store(settings, reporter.warning, is_writable=True, reporter=reporter) as store:
            drv = store.read_derivation(found[0])
            wanted = [] if shell_drv is None else [f"{shell_drv}!out"]
            wanted += [f"{path}!{','.join(names)}" for path, names in sorted(drv.input_drvs.items()) if names and not self._is_excluded(path)]
            wanted += drv.input_srcs
            if self.request.is_dry_run:
                report_missing(store.missing(wanted), reporter)
                return
            if wanted:
                (repair if self.request.evaluation.repairs else realise)(store, wanted, reporter)
            if shell_drv is not None:
                shell = store.outputs(shell_drv)["out"] + "/bin/bash"
            folder = tempfile.mkdtemp(prefix="nix-shell-")
            try:
                self._become(store, drv, shell or "bash", folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    # --- what is evaluated

    def _choose_default(self) -> None:
        """Sets the words if there are none (a file of this folder), and turns packages into an expression."""
        request = self.request
        if request.is_packages:
            packages = "".join(f"({word}) " for word in request.words)
            request.words = [
                "{...}@args: with import <nixpkgs> args; (pkgs.runCommandCC or pkgs.runCommand) \"shell\" { buildInputs = [ " + packages + "]; } \"\""
            ]
            request.is_expression = True
        elif not request.words and not request.is_expression:
            has_shell, has_default = os.path.exists("shell.nix"), os.path.exists("default.nix")
            if has_shell and not self.common.settings["nix-shell-always-looks-for-shell-nix"]:
                request.words = ["shell.nix"]
            elif not has_shell and not has_default:
                raise EvaluationError("file", "no argument specified and no 'shell.nix' or 'default.nix' file found in the working directory")
            else:
                request.words = ["."]

    def _derivations(self) -> "Iterator[str]":
        """The paths of the derivations that the words mean."""
        request = self.request
        words = ["-"] if "-" in request.words else request.words
        roots = []
        for word in words:
            path = os.path.realpath(word).partition("!")[0]
            if not request.is_expression and path.endswith(".drv") and path.startswith(self.session.evaluator.store_dir + "/"):
                yield path
            elif word == "-":
                roots.append(self.session.expression(read_input(), "«stdin»"))
            elif request.is_expression:
                roots.append(self.session.expression(word.encode("utf-8", "surrogateescape")))
            else:
                roots.append(self._file(word))
        plain = self.session.selector if roots else None
        for root in roots:
            for attribute in request.attributes or [""]:
                assert plain is not None
                root.force()
                value = (self._selector() if _takes_in_nix_shell(root) else plain).select(root, attribute)
                value.force()
                selector = self._selector() if _takes_in_nix_shell(value) else plain
                yield from (derivation.drv_path for derivation in self.session.derivations(value, selector))

    def _selector(self) -> Selector:
        """A selector that passes `inNixShell = true` to the functions that it calls."""
        session = self.session
        return Selector(session.evaluator, {b"inNixShell": session.evaluator.from_python(True), **session.arguments})

    def _file(self, word: str) -> "Handle":
        """The value of a file, or of a folder's `shell.nix` or `default.nix`."""
        from snowsnake.cli.session import is_internal, is_search_path

        session = self.session
        if is_search_path(word):
            path = session.find_file(word[1:-1])
            if is_internal(path):
                found: Handle = session.file(word)
                return found
        else:
            path = session.local_path(os.path.join(self.script_folder, word) if self.script_folder and "://" not in word else word)
        return session.evaluator.evaluate_file(self._shell_file(path))

    def _shell_file(self, path: str) -> str:
        if not os.path.isdir(path):
            return path
        looks_for_shell = self.common.settings["nix-shell-always-looks-for-shell-nix"]
        if os.path.exists(f"{path}/shell.nix"):
            if looks_for_shell:
                return f"{path}/shell.nix"
            name = "nix-shell-always-looks-for-shell-nix"
            self.common.reporter.warning(
                f"Skipping '{path}/shell.nix', because the setting '{name}' is disabled. This is a deprecated behavior. Consider enabling '{name}'."
            )
        if os.path.exists(f"{path}/default.nix"):
            return f"{path}/default.nix"
        raise EvaluationError("file", f"neither 'shell.nix' nor 'default.nix' found in '{path}'")

    def _bash(self) -> str | None:
        """The derivation of nixpkgs' bash; None, after a message, if there is none."""
        session = self.session
        try:
            value = session.expression(_BASH)
            value.force()
            found = list(session.derivations(value))
            if len(found) != 1:
                raise EvaluationError("type", "the 'bashInteractive' attribute in <nixpkgs> did not evaluate to a derivation")
            return found[0].drv_path
        except EvaluationError as error:
            if error.code == "interrupt":
                raise
            self.common.reporter.error(error)
            self.common.reporter.notice("uses bash from your environment")
            return None

    def _is_excluded(self, path: str) -> bool:
        try:
            return any(re.search(pattern, path) for pattern in self.request.excluded)
        except re.error as error:
            raise UsageError(f"'--exclude' takes a regular expression: {error}") from None

    # --- the shell

    def _become(self, store: "Store", drv: "Derivation", shell: str, folder: str) -> None:
        from snowsnake.cli.executing import execute
        from snowsnake.store.realisation import needs_resolving, resolve

        if needs_resolving(drv, knows_realisations="ca-derivations" in self.common.settings["experimental-features"]):
            inputs = drv
            drv = resolve(drv, lambda path, name: store.outputs(path)[name])
        else:
            inputs = drv
        environment = self._environment(store, drv, inputs, folder)
        structured = ""
        if "NIX_ATTRS_SH_FILE" in environment:
            with open(environment["NIX_ATTRS_SH_FILE"], encoding="utf-8", errors="surrogateescape") as file:
                structured = file.read()
        place = os.path.join(folder, "rc")
        with open(place, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(self._script(shell, folder, structured))
        words = ["--rcfile", place] if self.request.is_interactive else [place]
        execute(store, shell, words, environment, looks_up=True, name="bash")

    def _environment(self, store: "Store", drv: "Derivation", inputs: "Derivation", folder: str) -> dict[str, str]:
        """The variables of the shell: those of this process, of a builder, and of the derivation.  *inputs* is the derivation before its inputs were resolved."""
        from snowsnake.build.attributes import Attributes
        from snowsnake.build.request import input_closure
        from snowsnake.build.structured import structured_files
        from snowsnake.store.store_path import placeholder

        request = self.request
        found = dict(os.environ)
        if request.is_pure:
            found = {name: value for name, value in found.items() if name in request.kept}
            # Without this variable, /etc/bashrc of NixOS reads /etc/profile.
            found["__ETC_PROFILE_SOURCED"] = "1"
        found |= dict.fromkeys(("NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP"), folder)
        found["NIX_STORE"] = store.store_dir
        found["NIX_BUILD_CORES"] = str(self.common.settings["cores"] or os.cpu_count() or 1)
        attributes = Attributes(drv)
        as_files = set(attributes.words("passAsFile") or ()) if attributes.structured is None else set()
        number = 0
        for name, value in sorted(drv.env.items()):
            if name in as_files:
                found[f"{name}Path"] = self._write(folder, f".attr-{number}", value.encode("utf-8", "surrogateescape"))
                number += 1
            elif name != "__json":
                found[name] = value
        if attributes.structured is not None:
            outputs = {name: placeholder(name) for name in drv.outputs}
            files = structured_files(store, attributes.structured, attributes.graphs(), input_closure(store, inputs), outputs)
            for name, variable in ((".attrs.json", "NIX_ATTRS_JSON_FILE"), (".attrs.sh", "NIX_ATTRS_SH_FILE")):
                found[variable] = self._write(folder, name, files[name])
        return found

    @staticmethod
    def _write(folder: str, name: str, data: bytes) -> str:
        place = os.path.join(folder, name)
        with open(place, "wb") as file:
            file.write(data)
        return place

    def _script(self, shell: str, folder: str, structured: str) -> str:
        """The script that bash reads first: the derivation's set-up, the earlier PATH behind that of the derivation, the prompt, `shellHook`, the command."""
        is_pure = self.request.is_pure
        colour = 31 if os.geteuid() == 0 else 32
        zone = os.environ.get("TZ")
        lines = [
            "_nix_shell_clean_tmpdir() {",
            f"    command rm -rf {quoted(folder)}",
            "}",
            "trap _nix_shell_clean_tmpdir EXIT",
            "exitHooks+=(_nix_shell_clean_tmpdir)",
            "failureHooks+=(_nix_shell_clean_tmpdir)",
            *([] if is_pure else ['[ -n "$PS1" ] && [ -e ~/.bashrc ] && source ~/.bashrc', "_nix_shell_path=$PATH"]),
            "unset PATH",
            "dontAddDisableDepTrack=1",
            structured,
            "[ -e $stdenv/setup ] && source $stdenv/setup",
            *([] if is_pure else ["PATH=$PATH:$_nix_shell_path", "unset _nix_shell_path"]),
            f'PATH={quoted(os.path.dirname(shell))}:"$PATH"',
            f"SHELL={quoted(shell)}",
            f"BASH={quoted(shell)}",
            "set +e",
            f"[ -n \"$PS1\" -a -z \"$NIX_SHELL_PRESERVE_PROMPT\" ] && PS1='\\n\\[\\033[1;{colour}m\\][nix-shell:\\w]\\$\\[\\033[0m\\] '",
            'if [ "$(type -t runHook)" = function ]; then',
            "    runHook shellHook",
            "fi",
            "unset NIX_ENFORCE_PURITY",
            "shopt -u nullglob",
            "unset TZ",
            *([] if zone is None else [f"export TZ={quoted(zone)}"]),
            "shopt -s execfail",
            self.request.command,
        ]
        return "\n".join(lines)


def _takes_in_nix_shell(value: "Handle") -> bool:
    formals = value.formals() if value.type_name() == "lambda" else None
    return formals is not None and b"inNixShell" in formals


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-shell")
