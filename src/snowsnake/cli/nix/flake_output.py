"""An output of a locked flake, as a word of a command line means it: what is asked about it comes from the evaluation cache if that knows it.

In: a session, a locked flake, attribute paths.  Out: values, or answers of earlier evaluations.
"""

import os

from snowsnake.cli.answers import open_answers
from snowsnake.host.messages import written_messages

TYPE_CHECKING = False                 # `typing` would be imported by every command
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from snowsnake.cli.session import Session
    from snowsnake.flake.session import FlakeSession
    from snowsnake.lock.flakes import LockedFlake
    from snowsnake.lock.references import Reference


class FlakeOutput:
    """`paths`: where it is looked for, in order."""

    def __init__(
        self, session: "Session", flakes: "FlakeSession", locked: "LockedFlake", reference: "Reference", paths: list[str], *, is_refreshed: bool
    ) -> None:
        self._flakes = flakes
        self._locked = locked
        self._reference = reference
        self._paths = paths
        self._answers = open_answers(session, flakes, locked, is_refreshed=is_refreshed)

    def value(self) -> "Any":
        """The first of the paths that is there, not evaluated."""
        return self._flakes.find(self._locked, self._reference, self._paths)[0]

    def found(self) -> "tuple[Any, str]":
        """The first of the paths that is there, not evaluated, and which it is."""
        return self._flakes.find(self._locked, self._reference, self._paths)

    @property
    def nixpkgs(self) -> "Reference | None":
        """Where the lock file of the flake says that its input `nixpkgs` is, if it has one that is a flake."""
        node = self._locked.lock_file.find(("nixpkgs",))
        return node.locked if node is not None and node.is_flake else None

    @property
    def source_path(self) -> str | None:
        """The folder of this machine that the flake is in, if it is in one."""
        return self._reference.input.source_path

    def values(self) -> "Iterator[tuple[Any, str]]":
        """All of the paths that are there, not evaluated, and where they are."""
        return self._flakes.find_all(self._locked, self._reference, self._paths)

    def answer(self, question: "list[Any]", evaluate: "Callable[[], Any]", *, is_told: bool = False) -> "Any":
        """What evaluating gives, or gave when the same was asked before; it must be data for JSON.

        *is_told*: what evaluation says (traces, warnings) is part of what the user asked for, so an evaluation that says something is not kept.
        """
        answer = self.known(question)
        if answer is None:
            said = written_messages()
            answer = evaluate()
            if not is_told or written_messages() == said:
                self.keep(question, answer)
        return answer

    def known(self, question: "list[Any]") -> "Any | None":
        """The answer of an earlier evaluation, if it would be the same now."""
        return None if self._answers is None else self._answers.known(self._asked(question))

    def keep(self, question: "list[Any]", answer: "Any") -> None:
        """Remember what evaluating gave, after it was found not to be known."""
        if self._answers is not None:
            self._answers.keep(self._asked(question), answer)

    def _asked(self, question: "list[Any]") -> "list[Any]":
        return [*question, self._paths, os.getcwd()]
