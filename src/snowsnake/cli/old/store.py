"""The command `snowsnake-store`: `nix-store` of Nix 2.34, option for option.

In: the words of its command line.  Out: what the operation prints.  The operations are in store_query.py and store_change.py; an installed
Nix runs those that we do not have.
"""

import os
import sys

from snowsnake.cli.about import print_version
from snowsnake.cli.hand_on import NotOurs, hand_on
from snowsnake.cli.old.command_line import Common, read, value_of
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, Reporter, guarded
from snowsnake.diagnostics.error import EvaluationError, as_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store

# For each operation: its names; the function that runs it, empty if we do not have it; whether it writes to the store (`None`: it needs no store).
_OPERATIONS: tuple[tuple[str, str, bool | None], ...] = (
    ("--realise --realize -r", "change:realise", True),
    ("--add -A", "change:add", True),
    ("--add-fixed", "change:add_fixed", True),
    ("--print-fixed-path", "change:print_fixed_path", False),
    ("--delete", "change:delete", True),
    ("--query -q", "query:query", False),
    ("--print-env", "query:print_env", False),
    ("--read-log -l", "query:read_log", False),
    ("--dump-db", "query:dump_database", False),
    ("--load-db", "change:load_database", True),
    ("--register-validity", "change:register_validity", True),
    ("--check-validity", "query:check_validity", False),
    ("--gc", "change:collect_garbage", True),
    ("--dump", "change:dump", None),
    ("--restore", "change:restore", None),
    ("--export", "query:export", False),
    ("--import", "change:import_", True),
    ("--init", "change:init", True),
    ("--verify", "change:verify", True),
    ("--verify-path", "query:verify_path", False),
    ("--repair-path", "change:repair_path", True),
    ("--optimise --optimize", "change:optimise", True),
    ("--serve", "serve:serve", None),
    ("--generate-binary-cache-key", "change:generate_key", None),
    ("--version", "-", None),
)
_BY_NAME = {name: operation for operation in _OPERATIONS for name in operation[0].split()}
# Flags of operations that take a value.
_WITH_VALUE = ("--max-freed", "--max-links", "--max-atime")


class StoreRequest:
    """The parsed command line."""

    def __init__(self) -> None:
        self.operation: tuple[str, str, bool | None] | None = None
        # `flags` and `words` belong to the operation.
        self.flags: list[str] = []
        self.words: list[str] = []
        # `root` is the value of `--add-root`, and `is_silent` that of `--no-output`.
        self.root = ""
        self.is_silent = False
        self.is_help = False
        # `common` is set as soon as the command line is read, `store` for operations that have one.
        self.common: Common = None  # type: ignore[assignment]
        self.store: Store = None  # type: ignore[assignment]
        self._root_count = 0
        self._reads_stdin = False

    @property
    def reporter(self) -> Reporter:
        return self.common.reporter

    def handle(self, word: str, rest: list[str]) -> bool:
        """Handles one word that is not a shared option; this method is the `Handle` that `read` calls."""
        before = self.operation
        if word == "--help":
            self.is_help = True
            # 2.34 answers at once, whatever follows.
            rest.clear()
        elif word in _BY_NAME:
            self.operation = _BY_NAME[word]
        elif word == "--add-root":
            self.root = os.path.abspath(value_of(word, rest))
        elif word == "--stdin" and not sys.stdin.isatty():
            self._reads_stdin = True
        elif word == "--indirect":
            pass
        elif word == "--no-output":
            self.is_silent = True
        elif word.startswith("-"):
            self.flags.append(word)
            if word in _WITH_VALUE:
                self.flags.append(value_of(word, rest))
        else:
            self.words.append(word)
        if self._reads_stdin and (self.operation is None or self.operation[0] not in ("--import", "--restore", "--serve")):
            text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
            self.words += text.split()
        if before is not None and before is not self.operation:
            raise UsageError("only one operation may be specified")
        return True

    def refuse_flags(self, *known: str, message: str = "unknown flag '{}'") -> set[str]:
        """The operation's flags; an error if a flag is not in *known*."""
        for word in self.flags:
            if word not in known:
                raise UsageError(message.format(word))
        return set(self.flags)

    def refuse_words(self) -> None:
        if self.words:
            raise UsageError("no arguments expected")

    def path(self, word: str) -> str:
        """The store object that a word names; links are followed until they lead into the store."""
        from snowsnake.cli.store_words import followed

        return followed(self.store, word)

    def rooted(self, path: str, output: str = "out") -> str:
        """Makes the link of `--add-root` for a path and returns the link; without `--add-root`, it returns the path."""
        if not self.root:
            if self.common.warns_of_roots:
                self.common.warns_of_roots = False
                self.reporter.warning("you did not specify '--add-root'; the result might be removed by the garbage collector")
            return path
        suffix = f"-{self._root_count}" if self._root_count > 1 else ""
        return self.store.add_root(self.root + suffix + (f"-{output}" if output != "out" else ""), path)

    def count_root(self) -> None:
        """Counts one more link of `--add-root`: the next argument gets a link with another number."""
        self._root_count += 1


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    request = StoreRequest()
    request.common = read(words, reporter, request.handle)
    if request.is_help:
        print(_help())
        return 0
    if request.operation is None:
        raise UsageError("no operation specified")
    names, runner, writes = request.operation
    if names == "--version":
        print_version("nix-store", request.common.settings, request.common.reporter.verbosity - QUIET)
        return 0
    request.common.settings.finish()
    try:
        if not runner:
            raise NotOurs(f"'nix-store {names.split()[0]}'")
        return _operate(request, runner, writes)
    except NotOurs as error:
        hand_on("nix-store", words, error)


def _operate(request: StoreRequest, runner: str, writes: bool | None) -> int:
    module, _, function = runner.partition(":")
    operation = getattr(__import__(f"snowsnake.cli.old.store_{module}", fromlist=[function]), function)
    if writes is None:
        return operation(request) or 0
    from snowsnake.cli.stores import open_store

    is_writable = writes and not request.common.is_read_only and "--dry-run" not in request.flags
    try:
        with open_store(request.common.settings, request.reporter.warning, is_writable=is_writable, reporter=request.reporter) as store:
            request.store = store
            code = operation(request) or 0
            sys.stdout.flush()
            return code
    except ValueError as error:
        raise as_error(error) from None
    except IsADirectoryError as error:
        # The operation wanted a file, and found a folder.
        raise EvaluationError("file", f"read of 4096 bytes: {error.strerror}") from None


def _help() -> str:
    rows = "\n".join(f"  {names.replace(' ', ', ')}" for names, runner, _ in _OPERATIONS if runner)
    return (
        "usage: snowsnake-store OPERATION [OPTION …] [ARGUMENT …]\n\n"
        "Takes the options of nix-store of Nix 2.34; its manual applies.\n\n"
        f"operations (others are handed to an installed Nix):\n{rows}"
    )


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    if words is None and os.path.basename(sys.argv[0]) == "nix-collect-garbage":
        from snowsnake.cli.old.collect_garbage import main as collect_garbage

        return collect_garbage()
    if words is None and os.path.basename(sys.argv[0]) == "nix-daemon":
        from snowsnake.cli.daemon import main as daemon

        return daemon()
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-store")


if __name__ == "__main__":
    sys.exit(main())
