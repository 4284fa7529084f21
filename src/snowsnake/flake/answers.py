"""The evaluation cache of flakes: questions that commands asked a locked flake before, with the answers.

In: a locked flake, the evaluator that would call it, questions.  Out: answers of earlier evaluations, if an evaluation now would have the same
result.

A key is a hash of everything that evaluation starts with: the lock file and the facts about the flake's own source (the arguments of
flake/nix/call-flake.nix), the settings, the question, and the program.  The questions that evaluation asked of the machine, besides those about
sources with known contents, are kept with the answer and asked again (`Dependencies`).  So are the names of the store objects that it wrote,
because a user of the answer must find these objects.  Folders that are read in place are checked once more before an answer is kept, because
they may have been edited meanwhile.  As in C++ Nix, only answers of pure evaluation are kept.  Failures are not kept: a later question gets the
whole error, and the limits of its own evaluation.
"""

import os

from snowsnake.cache.answer_files import AnswerFiles
from snowsnake.dependencies import Dependencies, Dependency
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.trees import WithoutUntracked
from snowsnake.flake.calling import call_arguments, call_source
from snowsnake.foundation import light_json
from snowsnake.store import hashing
from snowsnake.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.flake.session import FlakeSession
    from snowsnake.flake.world import FlakeTree
    from snowsnake.foundation.json_type import Json
    from snowsnake.lock.flakes import LockedFlake

_VERSION = 2
# An answer is kept if its evaluation wrote at most this many store objects: checking more of them costs more than the answer saves.
_MOST_WRITTEN = 5000


class FlakeAnswers:
    """Answers about one locked flake.

    `settings`: further settings on which answers depend, and which the evaluator does not know, as data for JSON.  `reads`: False if everything
    is to be evaluated again.
    """

    def __init__(self, folder: str, flakes: "FlakeSession", locked: "LockedFlake", settings: object, *, reads: bool = True, limit_bytes: int = 256 << 20) -> None:
        evaluator = flakes.evaluator
        self._kept = AnswerFiles(folder, limit_bytes)
        self._evaluator = evaluator
        self._trees = flakes.world.trees
        self._reads = reads
        before: Dependencies = evaluator.dependencies()
        self._is_kept = bool(before.settings["pure"])
        self._asked_before = len(before)
        self._fixed_before = [entry for entry in before if entry.state == "fixed"]
        lock, found = call_arguments(locked)
        program = _program()
        facts = [_VERSION, VERSION, program, before.settings, settings, [list(entry) for entry in before if entry.state != "fixed"]]
        begin = light_json.dumps(facts, sorts_keys=True).encode("utf-8", "surrogatepass")
        self._begin = b"".join([hashing.digest("sha256", text) for text in (begin, call_source(), lock, found)])
        self._written: dict[str, None] = {}
        # Answers that are kept if the folders did not change: key, text, and the questions that evaluation asked.
        self._waiting: list[tuple[bytes, str, list[Dependency]]] = []

    # --- asking

    def known(self, question: "Json") -> "Any":
        """The answer of an earlier evaluation, if it still holds.  Otherwise it is None, and the store objects that evaluation writes are noted from now on."""
        found = self._find(question) if self._is_kept and self._reads else None
        if found is None and self._is_kept:
            self._evaluator.watch_store(self._see)
        return found

    def _see(self, path: str) -> None:
        self._written[path] = None

    def _find(self, question: "Json") -> "Any":
        key = self._key(question)
        text = self._kept.find(key)
        if text is None:
            return None
        try:
            kept_key, answer, questions, needed = light_json.loads(text)
        except (ValueError, TypeError):
            return None
        return answer if kept_key == key.hex() and self._holds(questions, needed) else None

    def _holds(self, questions: "list[object]", needed: list[str]) -> bool:
        if needed:
            store = self._evaluator.store
            if store is None:
                return False
            for path in needed:
                store.keep(path)
            if not all(map(store.is_valid, needed)):
                return False
        if not questions:
            return True
        now: Dependencies = self._evaluator.dependencies()
        return all(now.holds(Dependency.of_list(entry)) for entry in questions)

    def _key(self, question: "Json") -> bytes:
        return hashing.digest("sha256", self._begin + light_json.dumps(question, sorts_keys=True).encode("utf-8", "surrogatepass"))

    # --- keeping

    def keep(self, question: "Json", answer: "Json") -> None:
        """Remembers an answer that was just evaluated, for `settle`.  It does nothing if the answer cannot be checked later."""
        if not self._is_kept or len(self._written) > _MOST_WRITTEN:
            return
        entries = self._evaluator.dependencies(self._asked_before)
        questions = [list(entry) for entry in entries if entry.state != "fixed"]
        if any(state == "disputed" or kind in ("time", "source") for kind, _, state, _ in questions):
            return
        text = light_json.dumps(answer, is_compact=True)
        needed = self._needed(text)
        key = self._key(question)
        whole = f'["{key.hex()}",{text},{light_json.dumps(questions, is_compact=True)},{light_json.dumps(needed, is_compact=True)}]'
        self._waiting.append((key, whole, [*self._fixed_before, *entries]))

    def _write_unchanged(self) -> None:
        for key, text, asked in self._waiting:
            if self._are_unchanged(asked):
                self._kept.keep(key, text)
        self._waiting.clear()

    def _needed(self, answer: str) -> list[str]:
        """The store objects that must be valid if the answer is used: those that were written, and those that the answer names.

        An object to which another one refers is left out, because it is valid whenever that one is.
        """
        self._evaluator.watch_store(None)
        named = self._named(answer)
        if not (self._written or named):
            return []
        self._evaluator.flush_store()
        store = self._evaluator.store
        if store is None:
            return []
        below = {reference for path in self._written for reference in store.known(path).references if reference != path}
        found = [path for path in self._written if path not in below]
        return found + sorted(path for path in named if path not in below and path not in self._written and store.is_valid(path))

    def _named(self, text: str) -> set[str]:
        """The store paths in an answer."""
        if self._evaluator.store_dir not in text:
            return set()
        import re

        return set(re.findall(re.escape(self._evaluator.store_dir + "/") + r"[0-9a-df-np-sv-z]{32}-[-+._?=0-9A-Za-z]+", text))

    def _are_unchanged(self, asked: "list[Dependency]") -> bool:
        """Whether the folders of this machine that evaluation read still have the contents that were hashed.  The fetcher looks at each folder only once."""
        fetcher = self._evaluator.fetcher
        places = [(tree, tree.asked.source_path) for tree in self._trees()]
        outside = [tree for tree, place in places if place is not None and not place.startswith(fetcher.store_dir + "/")]
        read = {(entry.name, entry.kind == "tree") for entry in asked if entry.state == "fixed"} if outside else set()
        outside = [tree for tree in outside if not _is_as_hashed(tree, read)]
        try:
            return all(fetcher.fetch(tree.asked).nar_hash == tree.source.nar_hash for tree in outside)
        except FetchFailure:
            return False


def settle(answers: list[FlakeAnswers]) -> None:
    """Writes the remembered answers, at the end of a command.  Each folder that evaluations have read is checked once more, for all answers together."""
    for fetcher in {id(found._evaluator): found._evaluator.fetcher for found in answers if found._waiting}.values():
        fetcher.look_again()
    for found in answers:
        found._write_unchanged()


def _is_as_hashed(tree: "FlakeTree", read: "set[tuple[str, bool]]") -> bool:
    """Whether the index of a working tree shows that the files that were read still have the contents that were hashed."""
    files = tree.source.files
    if not isinstance(files, WithoutUntracked):
        return False
    root = tree.source.store_path
    below = [(os.fsencode(name[len(root) + 1 :]), is_whole) for name, is_whole in read if name == root or name.startswith(root + "/")]
    return files.is_unchanged(below)


def _program() -> list[int]:
    """Identifies a build of this program."""
    from snowsnake import _native

    found = os.stat(_native.__file__)
    return [found.st_size, found.st_mtime_ns]
