"""The profile of an evaluation (`eval-profiler`), in the form that `flamegraph.pl` and similar programs read.

In: an evaluator that watches its calls, a file.  Out: a line for each stack that was met, with a number, in the file when the command ends.
"""

from snowsnake.cli.output import at_end, opening_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.interpreter import Interpreter


def write_at_end(evaluator: "Interpreter", path: str) -> None:
    """Opens the file now, so that a command that cannot write it says so before it evaluates."""
    try:
        file = open(path, "wb")
    except OSError as error:
        raise opening_error(path, error) from None

    def write() -> None:
        with file:
            file.writelines(line + b"\n" for line in evaluator.stacks())

    at_end(write)
