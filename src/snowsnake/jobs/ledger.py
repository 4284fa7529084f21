"""All replies that are kept for one base, in order and in one piece: a run without changes reads arrays, and makes no object for each reply.

In: the groups and layers of a base.  Out: the two blobs of a *ledger* (arrays, and the lines as they are printed), and the replies in it that
hold now: as segments, whose lines lie one after the other and need not be parsed, and between the segments the paths that must be evaluated.
"""

import json
import os
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise

from snowsnake.jobs.asking import Asking
from snowsnake.jobs.kept import KeptGroup
from snowsnake.jobs.looks import OTHER, STAMP, TYPE, first_changed, unchanged
from snowsnake.jobs.reply import Path, PrintedReply, joined
from snowsnake.store import hashing

_SECTIONS = (
    "paths", "path_starts", "questions", "texts", "text_starts", "asked", "asked_starts", "below", "keys", "key_starts", "groups", "counts",
    "ends", "heads", "head_starts", "line_starts", "systems", "members", "member_starts",
)  # fmt: skip
_SIZES = struct.Struct(f"<{1 + len(_SECTIONS)}Q")
_SEAL_BYTES = 16
# The layout is that of `Asked` in looks.pyx.
_QUESTION = struct.Struct("=IBBxxqqQq")
_TYPES = {"regular": 1, "directory": 2, "symlink": 3, "unknown": 4}
# In `groups`: the reply to this path is not kept.  In `below`: the unit rests on the base.
_NONE = 0xFFFFFFFF
# In `systems`: a set, or a path of which nothing is known; and an error.
_NO_SYSTEM, _FAILED = 0, 255
_MOST_SYSTEMS = 254
_DRV_PATH = b'"drvPath":"'
# A section must have fewer bytes than this, because all offsets except those of lines have 32 bits.
_MOST_BYTES = 1 << 32


class Ledger:
    """The replies of a base.  An *entry* is a reply, or a path without one; entries are in the order of their paths.

    A *unit* is a layer or a group; layers come first.  `check` sets `standing`: by the name of a layer, whether it holds; `stale`: how many
    groups do not hold as a whole; `suspects`: as in `_Loaded` (jobs/memory.py).
    """

    def __init__(self, key: str, heads: bytes, lines: bytes) -> None:
        """Raises ValueError if the blobs are damaged, or belong to another base."""
        head, *sections = _opened(heads)
        about = json.loads(bytes(head))
        if about["base"] != key or hashing.digest("sha256", lines).hex() != about["lines"]:
            raise ValueError("a damaged ledger")
        self._about = about
        self._sections = dict(zip(_SECTIONS, sections, strict=True))
        self._printed = lines
        self.lines = memoryview(lines)
        self.count = len(self._sections["systems"])
        self.causes: list[str] = about["causes"]
        self.standing: dict[str, bool] = {}
        self.stale = 0
        self.suspects: set[Path] = set()
        self._holds = bytearray(self.count)

    def _numbers(self, name: str) -> memoryview:
        return self._sections[name].cast("Q" if name == "line_starts" else "I")

    @cached_property
    def _line_starts(self) -> memoryview:
        return self._numbers("line_starts")

    @cached_property
    def _key_starts(self) -> memoryview:
        return self._numbers("key_starts")

    @cached_property
    def systems(self) -> bytes:
        """A number for each entry: one more than the index of its system in `system_names`; or _NO_SYSTEM or _FAILED."""
        return bytes(self._sections["systems"])

    # --- what holds

    def check(self, asking: Asking) -> None:
        """Asks all questions again, and finds out which replies hold."""
        sections = self._sections
        paths, starts, questions = [bytes(sections[name]) for name in ("paths", "path_starts", "questions")]
        holds = unchanged(paths, starts, questions, os.fsencode(asking.dependencies.elsewhere), asking.trusts_stamps)
        number = holds.find(0)
        while number >= 0:
            text, stamp = self._question(number)
            holds[number] = asking.first_changed([text], [stamp])
            number = holds.find(0, number + 1)
        ends = array("I", first_changed(bytes(sections["asked_starts"]), bytes(sections["asked"]), holds))
        self._settle(ends, [end - start for start, end in pairwise(self._numbers("asked_starts"))])

    def _question(self, number: int) -> tuple[str, str]:
        starts = self._numbers("text_starts")
        _, question, _, *stamp = _QUESTION.unpack_from(self._sections["questions"], number * _QUESTION.size)
        return str(self._sections["texts"][starts[number] : starts[number + 1]], "utf-8"), " ".join(map(str, stamp)) if question == STAMP else ""

    def _settle(self, ends: "array[int]", sizes: list[int]) -> None:
        """Finds out which replies hold.  *ends*: for each unit the index of its first question that has another answer; *sizes*: how many questions it has."""
        below, groups = self._numbers("below"), self._numbers("groups")
        layers: list[str] = self._about["layers"]
        stands: list[bool] = []
        for number in range(len(layers)):
            stands.append((below[number] == _NONE or stands[below[number]]) and ends[number] == sizes[number])
        self.standing = dict(zip(layers, stands, strict=True))
        self._holds = bytearray(b"\1") * self.count
        for number in self._about["unknown"]:
            self._holds[number] = 0
        if all(stands) and list(ends) == sizes:
            return
        members, starts, counts = self._numbers("members"), self._numbers("member_starts"), self._numbers("counts")
        for unit in range(len(layers), len(sizes)):
            is_above = below[unit] == _NONE or stands[below[unit]]
            if is_above and ends[unit] == sizes[unit]:
                continue
            self.stale += 1
            is_first = is_above
            for entry in members[starts[unit] : starts[unit + 1]]:
                assert groups[entry] == unit
                if is_above and counts[entry] <= ends[unit]:
                    continue
                self._holds[entry] = 0
                if is_first:
                    self.suspects.add(self.path(entry))
                is_first = False

    # --- replies

    def key(self, entry: int) -> bytes:
        return bytes(self._sections["keys"][self._key_starts[entry] : self._key_starts[entry + 1]])

    def path(self, entry: int) -> Path:
        return _path_of(self.key(entry))

    def find(self, path: Path) -> int | None:
        """The entry of a path."""
        key = _key_of(path)
        entry = bisect_left(range(self.count), key, key=self.key)
        return entry if entry < self.count and self.key(entry) == key else None

    def reply(self, entry: int) -> PrintedReply:
        starts = self._numbers("head_starts")
        attrs, report, cause, system = json.loads(bytes(self._sections["heads"][starts[entry] : starts[entry + 1]]))
        line = str(self.lines[self._line_starts[entry] : max(self._line_starts[entry], self._line_starts[entry + 1] - 1)], "utf-8")
        return PrintedReply(self.path(entry), attrs, report, cause, system, line)

    def leave_out(self, path: Path) -> None:
        """Leaves out the reply to a path, because there is a newer one."""
        entry = self.find(path)
        if entry is not None:
            self._holds[entry] = 0

    def leave_out_unless(self, valid_among: Callable[[set[str]], set[str]]) -> None:
        """Leaves out the jobs whose derivations a store does not have."""
        found = {entry: self._drv_path(entry) for entry, system in enumerate(self.systems) if system not in (_NO_SYSTEM, _FAILED) and self._holds[entry]}
        valid = valid_among(set(found.values()))
        for entry, drv_path in found.items():
            if drv_path not in valid:
                self._holds[entry] = 0

    def _drv_path(self, entry: int) -> str:
        """The path of a job's derivation, found in its line without parsing: a quote inside a JSON string has a backslash before it, so only the key matches."""
        end = self._line_starts[entry + 1]
        start = self._printed.find(_DRV_PATH, self._line_starts[entry], end)
        return "" if start < 0 else str(self._printed[start + len(_DRV_PATH) : self._printed.index(b'"', start + len(_DRV_PATH), end)], "ascii")

    def holding(self, start: int = 0, end: int | None = None) -> Iterator[PrintedReply]:
        """The replies that hold, one by one."""
        for entry in range(start, self.count if end is None else end):
            if self._holds[entry]:
                yield self.reply(entry)

    def begins_with(self, names: list[str]) -> bool:
        """Whether the root for which this ledger was made has these names."""
        return bool(_sum_of(names) == self._about["names"])

    def pieces(self) -> "Iterator[Segment | tuple[Path, list[PrintedReply]]]":
        """Segments of replies that hold, and between them the paths whose replies do not hold, each with the replies below it that hold."""
        ends = self._numbers("ends")
        start = 0
        while start < self.count:
            found = self._holds.find(0, start)
            if found < 0:
                found = self.count
            if found > start:
                yield Segment(self, start, found)
            if found == self.count:
                return
            start = ends[found]
            yield self.path(found), list(self.holding(found + 1, start))

    # --- contents

    @cached_property
    def system_names(self) -> list[str]:
        names: list[str] = self._about["systems"]
        return names

    @cached_property
    def errors(self) -> list[int]:
        """The entries that are errors; `error_names` and `error_causes` have an element for each."""
        found: list[int] = self._about["errors"]
        return found

    @cached_property
    def error_names(self) -> list[str]:
        found: list[str] = self._about["error_names"]
        return found

    @cached_property
    def error_causes(self) -> list[int]:
        found: list[int] = self._about["error_causes"]
        return found

    def units(self) -> Iterator[KeptGroup]:
        """The layers that hold, and the groups, with only those of their replies that hold."""
        layers: list[str] = self._about["layers"]
        asked, starts, below = self._numbers("asked"), self._numbers("asked_starts"), self._numbers("below")
        members, member_starts, counts = self._numbers("members"), self._numbers("member_starts"), self._numbers("counts")
        for unit in range(len(starts) - 1):
            found = [self._question(number) for number in asked[starts[unit] : starts[unit + 1]]]
            entries = [] if unit < len(layers) else [entry for entry in members[member_starts[unit] : member_starts[unit + 1]] if self._holds[entry]]
            if unit < len(layers) and not self.standing[layers[unit]]:
                continue
            name = layers[unit] if unit < len(layers) else ""
            rests_on = "" if below[unit] == _NONE else layers[below[unit]]
            replies = [self.reply(entry) for entry in entries]
            if name or replies:
                texts, stamps = [text for text, _ in found], [stamp for _, stamp in found]
                yield KeptGroup(self._about["base"], name, rests_on, texts, stamps, replies, [counts[entry] for entry in entries])


class Segment:
    """Consecutive entries of a ledger whose replies all hold.  Iterating makes the replies of its jobs."""

    def __init__(self, ledger: Ledger, start: int, end: int) -> None:
        self.ledger, self.start, self.end = ledger, start, end
        self.path = ledger.path(start)

    def __len__(self) -> int:
        return self.end - self.start

    def __iter__(self) -> Iterator[PrintedReply]:
        return (reply for reply in self.ledger.holding(self.start, self.end) if reply.attrs is None)

    @property
    def lines(self) -> memoryview:
        """The lines of its jobs, each with its newline."""
        starts = self.ledger._line_starts
        return self.ledger.lines[starts[self.start] : starts[self.end]]

    def count_systems(self) -> dict[str, int]:
        """How many jobs without an error it has for each system."""
        systems = self.ledger.systems
        counts = {name: systems.count(number, self.start, self.end) for number, name in enumerate(self.ledger.system_names, _NO_SYSTEM + 1)}
        return {name: count for name, count in counts.items() if count}

    def errors(self) -> Iterator[tuple[int, str, str]]:
        """(entry, attribute, cause) of each of its errors."""
        ledger = self.ledger
        first, last = bisect_left(ledger.errors, self.start), bisect_left(ledger.errors, self.end)
        for number in range(first, last):
            yield ledger.errors[number], ledger.error_names[number], ledger.causes[ledger.error_causes[number]]


# --- making one

# Of a known path: the number of its unit, the place in it, the reply, and how many questions had been asked when it was ready.
_Known = tuple[int, int, PrintedReply, int]


def make(base: str, names: list[str], units: Sequence[tuple[KeptGroup, int]], stamps: dict[str, str]) -> tuple[bytes, bytes] | None:
    """The blobs of a ledger; None if it would be too large, or has names that it cannot represent.

    *names*: those of the root.  *units*: layers, each after the one that it rests on, then groups; each with the index of its first question
    whose answer has changed.  Of two replies to a path, the later one counts.  *stamps*: stamps of files, by question.
    """
    kept: dict[Path, _Known] = {}
    for number, (unit, end) in enumerate(units):
        for place, (reply, count) in enumerate(zip(unit.replies, unit.asked, strict=True)):
            if count <= end:
                kept[reply.path] = number, place, reply, count
    if any("\0" in name for path in kept for name in path) or any("\0" in name for name in names):
        return None
    paths = _reachable(names, kept)
    maker = _Maker(units, stamps)
    for path in paths:
        maker.add_entry(path, kept.get(path))
    return maker.blobs(base, names, paths)


def _reachable(names: list[str], kept: dict[Path, _Known]) -> list[Path]:
    """All paths that a run comes to, or may come to: below a path whose reply is not known, all paths whose replies are known."""
    below: dict[Path, list[Path]] = {}
    for path in kept:
        if len(path) > 1 and path[:-1] not in kept:
            below.setdefault(path[:-1], []).append(path)
    found: list[Path] = []
    work: list[Path] = [(name,) for name in names]
    while work:
        path = work.pop()
        found.append(path)
        known = kept.get(path)
        work += below.get(path, ()) if known is None else [(*path, name) for name in known[2].attrs or ()]
    found.sort()
    return found


class _Maker:
    """Collects the sections of a ledger."""

    def __init__(self, units: Sequence[tuple[KeptGroup, int]], stamps: dict[str, str]) -> None:
        self._units = [unit for unit, _ in units]
        self._layers = [unit.name for unit in self._units if unit.name]
        self._stamps = stamps
        # For each unit, the place and the entry of each of its replies.
        self._members: list[list[tuple[int, int]]] = [[] for _ in units]
        self._counts: list[int] = []
        self._groups: list[int] = []
        self._unknown: list[int] = []
        self._keys: list[bytes] = []
        self._heads: list[bytes] = []
        self._lines: list[bytes] = []
        self._systems = bytearray()
        self._system_numbers: dict[str, int] = {}
        self._cause_numbers: dict[str, int] = {}
        # For each error, its entry, its attribute and the number of its cause.
        self._errors: list[tuple[int, str, int]] = []

    def add_entry(self, path: Path, known: _Known | None) -> None:
        entry = len(self._keys)
        self._keys.append(_key_of(path))
        system = _NO_SYSTEM
        if known is None:
            self._unknown.append(entry)
            self._groups.append(_NONE)
            self._counts.append(0)
            self._heads.append(b"")
            self._lines.append(b"")
        else:
            number, place, reply, count = known
            self._members[number].append((place, entry))
            self._groups.append(number)
            self._counts.append(count)
            self._heads.append(json.dumps([reply.attrs, reply.report, reply.cause, reply.system], separators=(",", ":")).encode())
            self._lines.append(b"" if reply.attrs is not None else reply.line.encode("utf-8", "replace") + b"\n")
            if reply.system is not None:
                system = self._system_numbers.setdefault(reply.system, len(self._system_numbers) + 1)
            elif reply.attrs is None:
                system = _FAILED
                self._errors.append((entry, joined(path), self._cause_numbers.setdefault(reply.shown_cause, len(self._cause_numbers))))
        self._systems.append(min(system, _FAILED))

    def blobs(self, base: str, names: list[str], paths: list[Path]) -> tuple[bytes, bytes] | None:
        sections = self._question_sections() | self._entry_sections(paths)
        if len(self._system_numbers) > _MOST_SYSTEMS or any(len(section) >= _MOST_BYTES for section in sections.values()):
            return None
        lines = b"".join(self._lines)
        about = {
            "base": base, "names": _sum_of(names), "layers": self._layers, "unknown": self._unknown, "systems": list(self._system_numbers),
            "causes": list(self._cause_numbers), "errors": [error[0] for error in self._errors], "error_names": [error[1] for error in self._errors],
            "error_causes": [error[2] for error in self._errors], "lines": hashing.digest("sha256", lines).hex(),
        }  # fmt: skip
        return _closed(json.dumps(about, separators=(",", ":")).encode(), [sections[name] for name in _SECTIONS]), lines

    def _question_sections(self) -> dict[str, bytes]:
        numbers: dict[str, int] = {}
        stamps: list[str] = []
        asked = array("I")
        starts = array("I", [0])
        for unit, members in zip(self._units, self._members, strict=True):
            end = len(unit.questions) if unit.name else max((self._counts[entry] for _, entry in members), default=0)
            for text, stamp in zip(unit.questions[:end], unit.stamps, strict=False):
                number = numbers.setdefault(text, len(numbers))
                if number == len(stamps):
                    stamps.append("")
                stamps[number] = stamps[number] or stamp
                asked.append(number)
            starts.append(len(asked))
        places: dict[bytes, int] = {}
        questions = bytearray()
        for question, text, stamp in zip(json.loads(f"[{','.join(numbers)}]"), numbers, stamps, strict=True):
            questions += _packed(question, self._stamps.get(text, stamp), places)
        layer_numbers = {name: number for number, name in enumerate(self._layers)}
        texts = [text.encode() for text in numbers]
        return {
            "paths": b"".join([place + b"\0" for place in places]),
            "path_starts": _starts([len(place) + 1 for place in places]),
            "questions": bytes(questions),
            "texts": b"".join(texts),
            "text_starts": _starts(map(len, texts)),
            "asked": asked.tobytes(),
            "asked_starts": starts.tobytes(),
            "below": array("I", [layer_numbers[unit.below] if unit.below else _NONE for unit in self._units]).tobytes(),
        }

    def _entry_sections(self, paths: list[Path]) -> dict[str, bytes]:
        return {
            "keys": b"".join(self._keys),
            "key_starts": _starts(map(len, self._keys)),
            "groups": array("I", self._groups).tobytes(),
            "counts": array("I", self._counts).tobytes(),
            "ends": array("I", _ends(paths)).tobytes(),
            "heads": b"".join(self._heads),
            "head_starts": _starts(map(len, self._heads)),
            "line_starts": array("Q", accumulate(map(len, self._lines), initial=0)).tobytes(),
            "systems": bytes(self._systems),
            "members": array("I", [entry for members in self._members for _, entry in sorted(members)]).tobytes(),
            "member_starts": _starts(map(len, self._members)),
        }


def _packed(question: list[object], stamp: str, places: dict[bytes, int]) -> bytes:
    """A question as `looks.pyx` reads it."""
    kind, name, state, value = question
    path = os.fsencode(str(name))
    if path.startswith(b"/") and b"\0" not in path:
        number = places.setdefault(path, len(places))
        if kind == "status" and state in ("found", "absent"):
            return _QUESTION.pack(number, TYPE, _TYPES[str(value)] if state == "found" else 0, 0, 0, 0, 0)
        if kind in ("file", "tree") and state == "found" and stamp:
            try:
                return _QUESTION.pack(number, STAMP, 0, *map(int, stamp.split()))
            except struct.error:
                # A time does not fit into 64 bits of nanoseconds: it is centuries away.
                pass
    return _QUESTION.pack(0, OTHER, 0, 0, 0, 0, 0)


def _ends(paths: list[Path]) -> list[int]:
    """For each path, the index of the first path after it that is not below it."""
    found = [len(paths)] * len(paths)
    open_: list[int] = []
    for number, path in enumerate(paths):
        while open_ and path[: len(paths[open_[-1]])] != paths[open_[-1]]:
            found[open_.pop()] = number
        open_.append(number)
    return found


def _starts(sizes: "Iterator[int] | map[int] | list[int]") -> bytes:
    """Where pieces of these sizes begin, and where the last one ends.  Offsets that do not fit are cut off: `blobs` refuses such sections (_MOST_BYTES)."""
    return array("I", [start & (_MOST_BYTES - 1) for start in accumulate(sizes, initial=0)]).tobytes()


def _key_of(path: Path) -> bytes:
    """A path as bytes.  They have the same order as paths, because NUL comes before every other byte."""
    return "\0".join(path).encode("utf-8", "surrogatepass")


def _path_of(key: bytes) -> Path:
    return tuple(key.decode("utf-8", "surrogatepass").split("\0"))


def _sum_of(names: list[str]) -> str:
    return hashing.digest("sha256", _key_of(tuple(sorted(names)))).hex()


def _closed(about: bytes, sections: list[bytes]) -> bytes:
    """A checksum, the sizes, the JSON and the sections."""
    body = b"".join([_SIZES.pack(len(about), *map(len, sections)), about, *sections])
    return hashing.digest("sha256", body)[:_SEAL_BYTES] + body


def _opened(heads: bytes) -> list[memoryview]:
    """The parts that `_closed` put together: the JSON and the sections.  Raises ValueError if the checksum is wrong."""
    body = memoryview(heads)[_SEAL_BYTES:]
    if len(body) < _SIZES.size or hashing.digest("sha256", body)[:_SEAL_BYTES] != heads[:_SEAL_BYTES]:
        raise ValueError("a damaged ledger")
    places = accumulate(_SIZES.unpack_from(body), initial=_SIZES.size)
    return [body[start:end] for start, end in pairwise(places)]
