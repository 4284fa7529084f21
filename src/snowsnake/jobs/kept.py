"""The rows in which groups of replies are kept, in a form most of which a later run need not parse.

In: questions and replies.  Out: rows of `jobs.memory`, and their contents.  A row is lines of UTF-8 after a checksum: a head of JSON, each
question as JSON, and each reply's line as it was printed.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from snowsnake.cache.seals import sealed, unsealed
from snowsnake.jobs.reply import Group, PrintedReply, Question

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

# The state of an answer that nobody can check.
DISPUTED = "disputed"
# The state of an answer that the hash of a source fixes.
_FIXED = "fixed"


@dataclass
class KeptGroup:
    """A group, or a layer, as it is kept.

    `base`: the key of its base.  `name`: its own name, if it is a layer.  `below`: the name of the layer that it rests on, or "" for the base.
    `stamps`: for each question the stamp that its file had when it was read, or "".  `asked`: for each reply, how many of the questions had been
    asked when it was ready; it depends on those.
    """

    base: str
    name: str
    below: str
    questions: list[str]
    stamps: list[str]
    replies: list[PrintedReply]
    asked: list[int]


def pack(
    base: str, name: str, below: str, questions: Sequence[Question], stamps: dict[str, str], group: Group | None = None
) -> bytes | None:
    """The row of a group, or (without *group*) of a layer; None if a later run could use nothing of it.

    The row leaves out fleeting replies, the replies that depend on an answer that nobody can check, and all replies from the first broken one on.
    """
    # places[n]: how many of the first n questions are kept.
    places = [0]
    kept: list[Question] = []
    end = len(questions)
    for number, question in enumerate(questions):
        if question[2] == DISPUTED:
            end = number
            break
        if question[2] != _FIXED:
            kept.append(question)
        places.append(len(kept))
    heads, lines = [], []
    last = 0
    if group is None:
        if end < len(questions):
            return None
    else:
        for reply, asked in zip(group.replies, group.asked, strict=True):
            if asked > end or reply.is_broken:
                break
            if reply.is_fleeting:
                continue
            last = places[asked]
            heads.append([reply.path, reply.attrs, reply.report, reply.cause, reply.system, last])
            lines.append(reply.line)
        if not heads:
            return None
        del kept[last:]
    own = [stamps.get(question[1], "") if question[0] == "file" else "" for question in kept]
    head = json.dumps([base, name, below, len(kept), own, heads], separators=(",", ":"))
    text = "\n".join([head, *[json.dumps(question, separators=(",", ":")) for question in kept], *lines])
    return sealed(text.encode("utf-8", "replace"))


def unpack(row: bytes) -> KeptGroup:
    """The contents of a row; raises ValueError if it is damaged."""
    text = unsealed(row).decode()
    lines = text.split("\n")
    base, name, below, count, stamps, heads = json.loads(lines[0])
    if len(lines) != 1 + count + len(heads):
        raise ValueError("a damaged group")
    replies = [
        PrintedReply(tuple(path), attrs, report, cause, system, line)
        for (path, attrs, report, cause, system, _), line in zip(heads, lines[1 + count :], strict=True)
    ]
    return KeptGroup(base, name, below, lines[1 : 1 + count], stamps, replies, [head[-1] for head in heads])


