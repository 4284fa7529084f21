"""Makes a program smaller while it still shows the find: a part or a literal replaces each subexpression."""

import json

from snowsnake.syntax.api import parse_text

LITERALS = [b"1", b"null", b"[ ]", b"{ }", b'"s"', b"true", b"(throw 1)"]


def spans_of(source: bytes) -> list[tuple[int, int]]:
    """Spans of all nodes, the largest first."""
    spans: set[tuple[int, int]] = set()
    work = [json.loads(parse_text(source, "/").to_json())]
    while work:
        item = work.pop()
        if isinstance(item, dict):
            if "span" in item and "kind" in item:
                spans.add(tuple(item["span"]))
            work.extend(item.values())
        elif isinstance(item, list):
            work.extend(item)
    return sorted(spans, key=lambda span: span[0] - span[1])


def replacements(source: bytes):
    """Smaller programs, most promising first."""
    try:
        spans = spans_of(source)
    except Exception:
        spans = []
    for start, end in spans:
        for literal in LITERALS:
            if end - start > len(literal):
                yield source[:start] + literal + source[end:]
        inner = [span for span in spans if start <= span[0] and span[1] <= end and span != (start, end)]
        for inner_start, inner_end in inner[:12]:
            yield source[:start] + b"(" + source[inner_start:inner_end] + b")" + source[end:]
    size = len(source) // 2
    while size:
        for start in range(0, len(source), size):
            yield source[:start] + source[start + size :]
        size //= 2


def reduced(source: bytes, still_shows, most_tries: int = 3000) -> bytes:
    tries = 0
    is_smaller = True
    while is_smaller and tries < most_tries:
        is_smaller = False
        for candidate in replacements(source):
            tries += 1
            if tries > most_tries:
                break
            if len(candidate) < len(source) and still_shows(candidate):
                source, is_smaller = candidate, True
                break
    return source
