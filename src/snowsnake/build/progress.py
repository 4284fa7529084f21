"""Counts for programs that read events: how much is to be built and fetched, and how much of it is done.

In: which builds and fetches begin and end.  Out: C++ Nix's events: the activities 102 (everything), 103 (fetches) and 104 (builds); results 106 (expected
bytes) for the first, and 105 (done, expected, running, failed) for the other two; and the activities of each fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from snowsnake.foundation.log_numbers import (
    BUILDS,
    COPIES,
    COPY,
    EXPECTED,
    INFORMATION,
    PROGRESS,
    REALISE,
    SUBSTITUTE,
    TALKATIVE,
    TRANSFER,
    new_activity,
)
from snowsnake.store.interface import Offer

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

Sink = Callable[[dict[str, Any], str, bool], None]


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


class EventSender:
    """Sends events to *on_event*; to nobody if that is None."""

    on_event: Sink | None = None

    def _result(self, number: int, kind: int, fields: list[int]) -> None:
        self._event({"action": "result", "id": number, "type": kind, "fields": fields})

    def _event(self, facts: dict[str, Any]) -> None:
        if self.on_event is not None:
            self.on_event(facts, "", False)


@dataclass
class BuildProgress(EventSender):
    """The progress of one request: use it as a context manager around all builds and fetches.  Without *on_event* it sends nothing."""

    on_event: Sink | None = None
    builds: Count = field(default_factory=Count)
    fetches: Count = field(default_factory=Count)
    download_bytes: int = 0
    unpacked_bytes: int = 0
    _ids: dict[int, int] = field(default_factory=dict)
    _fetching: dict[str, tuple[Offer, list[int]]] = field(default_factory=dict)

    def __enter__(self) -> BuildProgress:
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
        """Sends the current counts."""
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
        """Reports that a fetch begins; returns whether an event was sent, so that no other message is needed."""
        if not self._ids:
            return False
        source = offer.source.url
        self.fetches.running += 1
        whole = self._start(SUBSTITUTE, 0, 0, "", [offer.path, source])
        text = f"copying path '{offer.path}' from '{source}'"
        copy = self._start(COPY, INFORMATION, whole, text, [offer.path, source, "local"], f"{text}...")
        self._fetching[offer.path] = offer, [whole, copy]
        info = offer.source.info(offer.name or offer.path)
        if info is not None and info.download is not None:
            url = f"{source}/{info.download.url}"
            self._fetching[offer.path][1].append(self._start(TRANSFER, TALKATIVE, copy, f"downloading '{url}'", [url]))
        self.tell()
        return True

    def fetch_ends(self, path: str, *, is_valid: bool) -> None:
        """Reports that the fetch of *path* has ended; *is_valid*: with success."""
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
        return 0 if self.on_event is None else start(self.on_event, kind, level, parent, text, fields, shown)


def start(on_event: Sink, kind: int, level: int, parent: int, text: str, fields: list[str], shown: str = "") -> int:
    """Sends the event that an activity begins, and returns the number of the activity.  *shown*: the event's text for people."""
    number = new_activity()
    facts: dict[str, Any] = {"action": "start", "id": number, "level": level, "parent": parent, "text": text, "type": kind}
    on_event(facts | ({"fields": fields} if fields else {}), shown, False)
    return number


class CopyProgress(EventSender):
    """Reports a copy from one store to another: an activity for all of it, and one for each object.  Without *on_event*, *note* gets lines instead.

    *sizes*: the objects, with the sizes of their archives in bytes.  *describe* returns the line about an object, and the stores' names.
    """

    def __init__(
        self, on_event: Sink | None, note: Callable[[str], None], sizes: Mapping[str, int], describe: Callable[[str], tuple[str, list[str]]]
    ) -> None:  # fmt: skip
        self.on_event = on_event
        self._note = note
        self._sizes = sizes
        self._describe = describe
        self._count = Count(expected=len(sizes))
        self._whole = 0
        self._copying: dict[str, int] = {}

    def __enter__(self) -> CopyProgress:
        text = f"copying {self._count.expected} paths"
        if self.on_event is None:
            self._note(f"{text}...")
        else:
            self._whole = start(self.on_event, COPIES, INFORMATION, 0, text, [], f"{text}...")
            self._result(self._whole, EXPECTED, [COPY, sum(self._sizes.values())])
        return self

    def __exit__(self, *_: object) -> None:
        for number in (*self._copying.values(), self._whole):
            self._event({"action": "stop", "id": number})

    def begin(self, path: str) -> None:
        text, names = self._describe(path)
        if self.on_event is None:
            self._note(f"{text}...")
            return
        self._count.running += 1
        self._result(self._whole, PROGRESS, self._count.fields)
        self._copying[path] = start(self.on_event, COPY, INFORMATION, 0, text, [path, *names], f"{text}...")

    def end(self, path: str, *, is_valid: bool) -> None:
        if path not in self._copying:
            return
        number, size = self._copying.pop(path), self._sizes[path]
        if is_valid:
            self._result(number, PROGRESS, [size, size, 0, 0])
        self._event({"action": "stop", "id": number})
        self._count.running -= 1
        self._count.done += is_valid
        self._count.failed += not is_valid
        self._result(self._whole, PROGRESS, self._count.fields)

    def expect_fetches(self, offers: list[Offer]) -> None:
        """Does nothing: the number of objects was known in advance."""

    def fetch_begins(self, offer: Offer) -> bool:
        self.begin(offer.path)
        return True

    def fetch_ends(self, path: str, *, is_valid: bool) -> None:
        self.end(path, is_valid=is_valid)
