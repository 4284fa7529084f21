"""Lines of a session: from a terminal, with history and completion, or from a pipe, echoed behind their prompts.

In: standard input.  Out: lines without their ends; None at the end.  KeyboardInterrupt: the user gives up this line.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT, CONTINUATION = "nix-repl> ", "        > "
# The characters that separate words: completion begins behind the last of them.
WORD_ENDS = " \n\r\t(){}[]"
_MOST_LINES = 1000


def open_reader(history: str, complete: "Callable[[str], list[str]]", warn: "Callable[[str], None]") -> "Reader":
    """The lines of standard input.  *complete* returns the words that may take the place of one that is not finished."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        try:
            return TerminalReader(history, complete, warn)
        except ImportError:
            # This Python was built without readline.
            pass
    return Reader()


class Reader:
    """Lines of a file or a pipe."""

    def line(self, prompt: str) -> str | None:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        data = sys.stdin.buffer.readline()
        if not data:
            return None
        text = data.decode("utf-8", "surrogateescape").removesuffix("\n")
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n")
        sys.stdout.flush()
        return text

    def close(self) -> None:
        """Writes what is kept between sessions."""


class TerminalReader(Reader):
    """Lines that are edited at a terminal."""

    def __init__(self, history: str, complete: "Callable[[str], list[str]]", warn: "Callable[[str], None]") -> None:
        import readline

        self._readline = readline
        self._history = history
        self._complete = complete
        self._found: list[str] = []
        # What the user types need not be UTF-8.
        for stream in (sys.stdin, sys.stdout):
            getattr(stream, "reconfigure", lambda **_: None)(encoding="utf-8", errors="surrogateescape")
        readline.set_completer(self._completion)
        readline.set_completer_delims(WORD_ENDS)
        readline.parse_and_bind("tab: complete")
        readline.set_history_length(_MOST_LINES)
        try:
            os.makedirs(os.path.dirname(history), exist_ok=True)
        except OSError as error:
            warn(f"creating directory '{os.path.dirname(history)}': {error.strerror}")
        try:
            if self._is_file():
                readline.read_history_file(history)
        except OSError:
            # The first session has no history.
            pass

    def _is_file(self) -> bool:
        """Whether the history is a file, or will be one: a pipe would be waited for."""
        return os.path.isfile(self._history) or not os.path.lexists(self._history)

    def line(self, prompt: str) -> str | None:
        try:
            return input(prompt)
        except EOFError:
            return None

    def _completion(self, word: str, number: int) -> str | None:
        if number == 0:
            try:
                self._found = self._complete(word)
            except (Exception, KeyboardInterrupt):
                # readline would print the exception across the line.
                self._found = []
        return self._found[number] if number < len(self._found) else None

    def close(self) -> None:
        try:
            if self._is_file():
                self._readline.write_history_file(self._history)
        except OSError:
            # A history that cannot be written does not end the session.
            pass
