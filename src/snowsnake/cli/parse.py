"""`snowsnake parse`: files to canonical Nix or JSON; all syntax errors of a file in one run.

In: paths, an expression, or standard input.  Out: one line for each source.
"""

import errno
import os
import stat

from snowsnake.cli.evaluate import settings_of
from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption
from snowsnake.cli.output import Reporter, read_input, write_line
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPTIONS = (
    CommandOption("-E --expr", "EXPR", "parse this expression"),
    CommandOption("--json", "", "print the tree as JSON: an object for each node, with its kind and span"),
    CommandOption("--feature", "NAME", "enable an experimental feature, such as pipe-operators", is_repeatable=True),
    CommandOption("--option", "NAME VALUE", "set a setting of nix.conf", is_repeatable=True),
    CommandOption("--log-format", "FORMAT", "text, json (one object a line) or internal-json"),
    HELP_OPTION,
)
USAGE = "snowsnake parse [OPTION …] [FILE … | -E EXPR]"
SUMMARY = "Parse files (./default.nix if none is given, - for standard input) and print canonical Nix."


def run(given: Arguments, reporter: Reporter) -> int:
    reporter.log_format = given.text("log_format", "text")
    features = settings_of(given, reporter).language()
    as_json = given.flag("json")
    code = 0
    if given.flag("expr"):
        source = given.text("expr").encode("utf-8", "surrogateescape")
        code |= _reported(lambda: print_expression(source, "«string»", features, reporter, as_json), reporter)
    for word in given.words or ([] if given.flag("expr") else ["./default.nix"]):
        if word == "-":
            code |= _reported(
                lambda: print_expression(read_input(), "«stdin»", features, reporter, as_json), reporter
            )
        else:
            code |= _reported(lambda word=word: print_file(word, features, reporter, as_json), reporter)
    return code


def _reported(action: "Any", reporter: Reporter) -> int:
    """Runs *action*; an error is reported with the further faults of its source, and the next source is still parsed."""
    try:
        action()
    except EvaluationError as error:
        reporter.error(error)
        return 1
    return 0


def print_expression(source: bytes, name: str, features: list[str], reporter: Reporter, as_json: bool = False) -> None:
    _print(source, name, os.getcwd(), features, reporter, as_json)


def print_source(path: str, source: bytes, features: list[str], reporter: Reporter) -> None:
    """Prints the contents of the file at an absolute path, which somebody else has read."""
    _print(source, path, os.path.dirname(path), features, reporter, False)


def print_file(word: str, features: list[str], reporter: Reporter, as_json: bool = False) -> None:
    path = os.path.abspath(word)
    if not _is_regular(path):
        from snowsnake.cli.session import resolve_expression_path

        path = resolve_expression_path(path)
    _print(_content(path), path, os.path.dirname(path), features, reporter, as_json)


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _content(path: str) -> bytes:
    """A file's bytes, read by system calls: a file object would cost as much as parsing a small file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except PermissionError as error:
        raise EvaluationError("file", f"opening file '{path}': {error.strerror}") from None
    try:
        status = os.fstat(file)
        if stat.S_ISFIFO(status.st_mode):
            raise EvaluationError("file", f"file '{path}' has an unsupported type")
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        pieces = [os.read(file, status.st_size + 1)]
        while pieces[-1]:
            pieces.append(os.read(file, 1 << 20))
        return b"".join(pieces)
    finally:
        os.close(file)


def _print(source: bytes, name: str, folder: str, features: list[str], reporter: Reporter, as_json: bool) -> None:
    from snowsnake.parsing import parse_source

    tree = parse_source(source, name, folder, features, reporter.warning)
    write_line(tree.to_json().encode("utf-8", "surrogateescape") if as_json else tree.to_nix_bytes())
