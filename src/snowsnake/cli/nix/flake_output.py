"""An output of a locked flake that a word of a command line names.  Answers about it come from the evaluation cache if that has them.

In: a session, a locked flake, attribute paths.  Out: values, or answers of earlier evaluations.
"""

import os

from snowsnake.cli.answers import open_answers
from snowsnake.host.messages import written_messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from snowsnake.cli.session import Session
    from snowsnake.flake.session import FlakeSession
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle
    from snowsnake.lock.flakes import LockedFlake
    from snowsnake.lock.references import Reference


class FlakeOutput:
    """An output of a flake.  `paths`: the attribute paths at which it is looked for, in order."""

    def __init__(
        self, session: "Session", flakes: "FlakeSession", locked: "LockedFlake", reference: "Reference", paths: list[str], *, is_refreshed: bool
    ) -> None:
        self._flakes = flakes
        self._locked = locked
        self._reference = reference
        self._paths = paths
        self._answers = open_answers(session, flakes, locked, is_refreshed=is_refreshed)

    def value(self) -> "Handle":
        """The value at the first path that exists, not evaluated."""
        return self._flakes.find(self._locked, self._reference, self._paths)[0]

    def found(self) -> "tuple[Handle, str]":
        """The value at the first path that exists, not evaluated, and the path."""
        return self._flakes.find(self._locked, self._reference, self._paths)

    @property
    def called(self) -> str:
        """What messages call it: the flake, and the attribute as the user wrote it, or the first of those that a flake without attribute means."""
        first, last = self._paths[0], self._paths[-1]
        return f"{self._reference}#{last if first.endswith(f'.{last}') else first}"

    @property
    def label(self) -> str:
        """What messages call the flake's source."""
        label: str = self._locked.flake.place.tree.label
        return label

    def shown(self, path: str) -> str:
        """The name of a file or folder in messages, also if it is in the source of an input."""
        return self._flakes.shown(path)

    @property
    def nixpkgs(self) -> "Reference | None":
        """The locked reference of the flake's input `nixpkgs`; None if it has none that is a flake."""
        node = self._locked.lock_file.find(("nixpkgs",))
        return node.locked if node is not None and node.is_flake else None

    @property
    def source_path(self) -> str | None:
        """The folder of the flake on this machine; None if the flake is somewhere else."""
        return self._reference.input.source_path

    def values(self) -> "Iterator[tuple[Handle, str]]":
        """(value, path) for each path that exists; the values are not evaluated."""
        return self._flakes.find_all(self._locked, self._reference, self._paths)

    def answer(self, question: "Sequence[Json]", evaluate: "Callable[[], object]", *, has_messages: bool = False) -> "Any":
        """The result of `evaluate()`, or that of an earlier evaluation for the same question.  Results are data for JSON.

        *has_messages*: traces and warnings are part of the answer for the user, so the result of an evaluation that prints some is not kept.
        """
        answer = self.known(question)
        if answer is None:
            said = written_messages()
            answer = evaluate()
            if not has_messages or written_messages() == said:
                self.keep(question, answer)
        return answer

    def known(self, question: "Sequence[Json]") -> "Any | None":
        """The answer of an earlier evaluation; None if there is none that still holds."""
        return None if self._answers is None else self._answers.known(self._asked(question))

    def keep(self, question: "Sequence[Json]", answer: "Any") -> None:
        """Keeps the answer of an evaluation, after `known` returned None."""
        if self._answers is not None:
            self._answers.keep(self._asked(question), answer)

    def _asked(self, question: "Sequence[Json]") -> "list[Json]":
        return [*question, self._paths, os.getcwd()]
