"""THE table of heap objects: their kinds, what a header says, how large each is, and which words the collector follows.

`tools/generate.py` makes of it the second half of `machine/word.pxd`: the enums, and the functions that the collector, the checks and
the census call.  Functions that make an object (machine/heap.pxd) and read one write its words by hand.
"""

# These are sizes in words, header included, by name: each is an expression of C, in which h is the header.
SIZES = {
    "payload": "1 + header_payload_words(h)",
    "header": "1",
    "list": "1 + header_size(h)",
    "two more": "2 + header_size(h)",
    "half words": "1 + ((header_size(h) + 1) >> 1)",
    "bytes": "3 + (header_size(h) >> 3)",
    "three": "3",
    "four": "4",
}


class ObjectKind:
    """A kind of object.

    `tag` is that of words that point to it ("box": also of objects that only the machine sees); `contents` describes the words after the
    header, `counts` what the header's size counts; `size` names an entry of SIZES.  The collector follows the words from `first` up to
    `end` ("" if there are none, "size" for all), and word 1 is a pointer without a tag to the kind `untagged`, or 0.
    """

    __slots__ = ("name", "tag", "contents", "counts", "size", "first", "end", "untagged")

    def __init__(
        self, name: str, tag: str, contents: str, counts: str = "", *, size: str = "list", first: int = 1, end: str = "", untagged: str = ""
    ) -> None:
        self.name = name
        self.tag = tag
        self.contents = contents
        self.counts = counts
        self.size = size
        self.first = first
        self.end = end
        self.untagged = untagged

    @property
    def constant(self) -> str:
        return "KIND_" + self.name.upper().replace(" ", "_")


# These are in the order of enum Kind, which starts at 1.
KINDS = (
    ObjectKind(
        "thunk", "thunk",
        "upvalues (at least one word); done: the value in word 1; failed: the failure's index as an int in word 1",
        size="payload", end="size",
    ),
    ObjectKind("closure", "function", "upvalues; the with-scope, if the code captures it, is the last upvalue", size="payload", end="size"),
    ObjectKind("builtin", "function", "nothing", "the number of the builtin", size="header"),
    ObjectKind("partial", "function", "function, arguments…", "arguments", size="two more", end="size"),
    ObjectKind("attrs", "attrs", "keys, values in symbol order…", "values", size="two more", first=2, end="size", untagged="keys"),
    ObjectKind("keys", "box", "order, then u32 symbols (ascending), then u32 positions", "symbols", size="two more", untagged="order"),
    ObjectKind("order", "box", "u32: for each place in name order its index in symbol order", "entries", size="half words"),
    ObjectKind("list", "list", "elements…", "elements", end="size"),
    ObjectKind("string", "string", "u32 symbol + 1 | u32 context << 32 (with room behind it: how much is taken), bytes, NUL", "bytes", size="bytes"),
    ObjectKind("float", "box", "the 64 bits", "1"),
    ObjectKind("wide int", "box", "the 64 bits", "1"),
    ObjectKind("path", "box", "string (absolute; canonical unless Machine.has_odd_paths)", "1", end="2"),
    ObjectKind("with", "box", "parent scope or null, set, slot of the enclosing scope as an int", "words", end="size"),
    ObjectKind("search path", "box", "string", "words", end="size"),
    ObjectKind("home path", "box", "string", "words", end="size"),
    ObjectKind("attr name", "box", "string, position as an int (level 0: a name with its place)", "words", end="size"),
    ObjectKind("raw", "box", "bytes that hold no word", "words"),
    ObjectKind("layered", "attrs", "a large set, which may be layered, and a small flat one over it; or the same set flat and 0", "attributes", size="three", end="3"),
    ObjectKind("list view", "list", "a list, no view itself; the index of its first element as an int", "elements", size="three", end="2"),
    ObjectKind(
        "string view", "string",
        "as a string, then the string, no view itself, whose bytes it shows, and where they begin (raw); no NUL behind them",
        "bytes", size="four", first=2, end="3",
    ),
)  # fmt: skip

# These marks are in a header; each has a name, a bit, the kinds that can have it, and what it says.
MARKS = (
    ("DEEP", 8, ("list", "list view", "attrs", "layered"), "everything in it has been forced"),
    ("DEEPENING", 9, ("list", "list view", "attrs", "layered"), "a frame that is still active is forcing what is in it"),
    (
        "REMEMBERED", 10, tuple(kind.name for kind in KINDS if kind.name != "thunk"), "it is in the collector's remembered set"
    ),
    ("DEFERRED", 11, ("thunk", "closure"), "it holds deferred captures"),
    ("JOINED", 11, ("list", "string"), "`++` or `+` made it: see machine/operations.pyx"),
)  # fmt: skip

THUNK_STATES = ("suspended", "running", "done", "failed")

NAMES = tuple(kind.name for kind in KINDS)

_taken: dict[tuple[str, int], str] = {("thunk", bit): "its state" for bit in (8, 9, 10)}
for _mark, _bit, _kinds, _ in MARKS:
    for _kind in _kinds:
        if _kind not in NAMES or (_kind, _bit) in _taken:
            raise ValueError(f"mark {_mark}: bit {_bit} of a {_kind} is {_taken.get((_kind, _bit), 'unknown')}")
        _taken[_kind, _bit] = _mark
