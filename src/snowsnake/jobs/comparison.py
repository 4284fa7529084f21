"""Compares two runs: which jobs were added, removed and changed.

In: lines of two runs.  Out: a `Comparison`; also as text, JSON, Markdown, HTML.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from snowsnake.jobs.reply import Path

_FIELDS = ("name", "system", "drvPath", "outputs")


@dataclass
class Comparison:
    """The lines of the jobs that differ; `changed` has pairs of an old and a new line.  A job that fails in both runs counts as unchanged, whatever its errors say."""

    added: list[dict[str, object]] = field(default_factory=list)
    removed: list[dict[str, object]] = field(default_factory=list)
    changed: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed)


def compare(before: Iterable[str], after: Iterable[str]) -> Comparison:
    """The differences between the lines of two runs.

    >>> old = ['{"attrPath":["a"],"name":"a-1","drvPath":"/x.drv"}', '{"attrPath":["b"],"error":"no"}']
    >>> new = ['{"attrPath":["a"],"name":"a-2","drvPath":"/y.drv"}', '{"attrPath":["b"],"error":"no!"}', '{"attrPath":["c"],"error":"no"}']
    >>> found = compare(old, new)
    >>> [path_of(job) for job in found.added], found.removed, [job["name"] for job, _ in found.changed]
    ([('c',)], [], ['a-1'])
    """
    old = {path_of(job): job for job in map(json.loads, before)}
    found = Comparison()
    for job in map(json.loads, after):
        was = old.pop(path_of(job), None)
        if was is None:
            found.added.append(job)
        elif _essence(was) != _essence(job):
            found.changed.append((was, job))
    found.removed = list(old.values())
    return found


def path_of(job: dict[str, Any]) -> Path:
    """The attribute path of a line.  Its `attr` may be the same for two paths, because names may contain quotes."""
    return tuple(job["attrPath"])


def _essence(job: dict[str, object]) -> Any:
    """The part of a line that is compared: the job has changed if it differs."""
    return "error" if "error" in job else [job.get(name) for name in _FIELDS] + [job.get("meta"), job.get("extraValue")]


def _version(job: dict[str, object]) -> str:
    return "an error" if "error" in job else str(job.get("name", ""))


def _what(was: dict[str, object], job: dict[str, object]) -> str:
    if _version(was) != _version(job):
        return f"{_version(was)} → {_version(job)}"
    return f"{_version(job)}, another derivation" if was.get("drvPath") != job.get("drvPath") else f"{_version(job)}, other metadata"


def _sections(found: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        ("added", [(job["attr"], _version(job)) for job in found.added]),
        ("removed", [(job["attr"], _version(job)) for job in found.removed]),
        ("changed", [(job["attr"], _what(was, job)) for was, job in found.changed]),
    ]


def as_text(found: Comparison) -> str:
    """The comparison as lines for a terminal."""
    if found.is_empty:
        return "nothing changed\n"
    lines = []
    for title, rows in _sections(found):
        if rows:
            lines.append(f"{title}: {len(rows)}")
            lines += [f"  {attr}: {what}" for attr, what in rows]
    return "\n".join(lines) + "\n"


def as_json(found: Comparison) -> str:
    """The comparison as one JSON object on one line."""
    changed = [{"attr": job["attr"], "before": was, "after": job} for was, job in found.changed]
    data = {"added": found.added, "removed": found.removed, "changed": changed}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"


def as_markdown(found: Comparison) -> str:
    """The comparison as Markdown, for a pull request."""
    if found.is_empty:
        return "No derivation changed.\n"
    parts = []
    for title, rows in _sections(found):
        if rows:
            parts.append(f"<details><summary>{len(rows)} {title}</summary>\n\n| attribute | |\n|--|--|\n")
            parts += [f"| `{_cell(attr)}` | {_cell(what)} |\n" for attr, what in rows]
            parts.append("\n</details>\n\n")
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def as_html(found: Comparison) -> str:
    """The comparison as an HTML page."""
    parts = ['<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Jobs compared</title>\n<h1>Jobs compared</h1>\n']
    for title, rows in _sections(found):
        parts.append(f"<h2>{len(rows)} {title}</h2>\n<table>\n")
        parts += [f"<tr><td>{escape(attr)}<td>{escape(what)}\n" for attr, what in rows]
        parts.append("</table>\n")
    return "".join(parts)


FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown, "html": as_html}
