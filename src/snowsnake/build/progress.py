"""Counts for programs that follow a command: how much is to be built and fetched, and how much of it has been.

In: what builds and substitutions begin and end.  Out: C++ Nix's events: the activities 102 (everything), 103 (fetches) and 104 (builds), the results
105 (done, expected, running, failed) of the latter and 106 (expected bytes) of the first, and the activities of each fetch.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

from snowsnake.store.interface import Offer

TYPE_CHECKING = False                 # importing `dataclasses` takes as long as a small evaluation
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

COPY, TRANSFER, REALISE, COPIES, BUILDS, BUILD, SUBSTITUTE = 100, 101, 102, 103, 104, 105, 108      # kinds of activities
LOG_LINE, PHASE, PROGRESS, EXPECTED = 101, 104, 105, 106                                            # and of results
Sink = Callable[[dict[str, Any], str, bool], None]
_INFORMATIVE, _TALKATIVE = 3, 4                        # levels
numbers = itertools.count((os.getpid() << 32) + (1 << 31))        # of the activities of this process


@dataclass
class Count:
    """How many builds or fetches there are."""

    done: int = 0
    expected: int = 0
    running: int = 0
    failed: int = 0

    @property
    def fields(self) -> list[int]:
        return [self.done, self.expected, self.running, self.failed]


@dataclass
class Progress:
    """Use it as a context manager around everything that one request makes.  Without *on_event* nobody follows, and nothing is done."""

    on_event: Sink | None = None
    builds: Count = field(default_factory=Count)
    fetches: Count = field(default_factory=Count)
    download_bytes: int = 0
    unpacked_bytes: int = 0
    _ids: dict[int, int] = field(default_factory=dict)
    _fetching: dict[str, tuple[Offer, list[int]]] = field(default_factory=dict)

    def __enter__(self) -> Progress:
        if self.on_event is not None:
            for kind in (REALISE, BUILDS, COPIES):
                self._ids[kind] = self._start(kind, 0, 0, "", [])
            self.tell()
        return self

    def __exit__(self, *_: object) -> None:
        for path in list(self._fetching):
            self._stop(path)
        for number in reversed(self._ids.values()):
            self._event({"action": "stop", "id": number})
        self._ids.clear()

    def tell(self) -> None:
        """Says how things are."""
        if not self._ids:
            return
        self._result(self._ids[BUILDS], PROGRESS, self.builds.fields)
        self._result(self._ids[COPIES], PROGRESS, self.fetches.fields)
        self._result(self._ids[REALISE], EXPECTED, [TRANSFER, self.download_bytes])
        self._result(self._ids[REALISE], EXPECTED, [COPY, self.unpacked_bytes])

    def expect_fetches(self, offers: list[Offer]) -> None:
        self.fetches.expected += len(offers)
        self.download_bytes += sum(offer.download_size for offer in offers)
        self.unpacked_bytes += sum(offer.nar_size for offer in offers)
        self.tell()

    def fetch_begins(self, offer: Offer) -> bool:
        """Whether somebody follows, so that no other message is needed."""
        if not self._ids:
            return False
        source = offer.source.url
        self.fetches.running += 1
        whole = self._start(SUBSTITUTE, 0, 0, "", [offer.path, source])
        text = f"copying path '{offer.path}' from '{source}'"
        copy = self._start(COPY, _INFORMATIVE, whole, text, [offer.path, source, "local"], f"{text}...")
        self._fetching[offer.path] = offer, [whole, copy]
        info = offer.source.info(offer.name or offer.path)
        if info is not None and info.download is not None:
            url = f"{source}/{info.download.url}"
            self._fetching[offer.path][1].append(self._start(TRANSFER, _TALKATIVE, copy, f"downloading '{url}'", [url]))
        self.tell()
        return True

    def fetch_ends(self, path: str, *, is_valid: bool) -> None:
        if path not in self._fetching:
            return
        offer, ids = self._fetching[path]
        if is_valid:
            for number, size in zip(ids[1:], (offer.nar_size, offer.download_size), strict=False):
                self._result(number, PROGRESS, [size, size, 0, 0])
        self._stop(path)
        self.fetches.running -= 1
        self.fetches.done += is_valid
        self.fetches.failed += not is_valid
        self.tell()

    def _stop(self, path: str) -> None:
        for number in reversed(self._fetching.pop(path)[1]):
            self._event({"action": "stop", "id": number})

    def _start(self, kind: int, level: int, parent: int, text: str, fields: list[str], shown: str = "") -> int:
        number = next(numbers)
        facts: dict[str, Any] = {"action": "start", "id": number, "level": level, "parent": parent, "text": text, "type": kind}
        self._event(facts | ({"fields": fields} if fields else {}), shown)
        return number

    def _result(self, number: int, kind: int, fields: list[int]) -> None:
        self._event({"action": "result", "id": number, "type": kind, "fields": fields})

    def _event(self, facts: dict[str, Any], shown: str = "") -> None:
        if self.on_event is not None:
            self.on_event(facts, shown, False)
