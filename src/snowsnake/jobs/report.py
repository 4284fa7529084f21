"""The result of a run for people: counts, failures grouped by their cause, a page.

In: replies.  Out: text, HTML.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from snowsnake.jobs.reply import Reply

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Segment

_SHOWN_GROUPS, _SHOWN_NAMES = 20, 4
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color-scheme: light dark }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .15em .6em; border-bottom: 1px solid #8884; vertical-align: top }}
td:nth-child(n+2) {{ font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere }}
pre {{ overflow-x: auto; font-size: 13px }} summary {{ cursor: pointer }} .n {{ font-variant-numeric: tabular-nums; font-weight: 600 }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
"""


class Summary:
    """Counts and failures of the replies so far; for each cause it keeps the text of one error."""

    def __init__(self) -> None:
        self.jobs = 0
        self.failed = 0
        self.systems: dict[str, int] = {}
        self.causes: dict[str, list[str]] = {}
        self._examples: dict[str, Callable[[], Reply]] = {}

    def add(self, reply: Reply) -> None:
        self.jobs += 1
        system = reply.system
        if system is not None:
            self.systems[system] = self.systems.get(system, 0) + 1
            return
        self._fail(reply.shown_cause, reply.fields["attr"], lambda: reply)

    def add_all(self, found: "list[Reply | Segment]") -> None:
        for reply in found:
            if isinstance(reply, Reply):
                self.add(reply)
            else:
                self.add_segment(reply)

    def add_segment(self, segment: "Segment") -> None:
        """Adds all replies of a segment, without looking at each."""
        for system, count in segment.count_systems().items():
            self.systems[system] = self.systems.get(system, 0) + count
            self.jobs += count
        for entry, name, cause in segment.errors():
            self.jobs += 1
            self._fail(cause, name, partial(segment.ledger.reply, entry))

    def _fail(self, cause: str, name: str, example: Callable[[], Reply]) -> None:
        self.failed += 1
        names = self.causes.get(cause)
        if names is None:
            self.causes[cause] = [name]
            self._examples[cause] = example
        else:
            names.append(name)

    def groups(self) -> list[tuple[str, list[str]]]:
        """The causes, each with its attributes, the most frequent first."""
        return sorted(self.causes.items(), key=lambda item: (-len(item[1]), item[0]))

    def sentence(self) -> str:
        systems = ", ".join(f"{count} for {name}" for name, count in sorted(self.systems.items()))
        found = f"{self.jobs} attributes: {self.jobs - self.failed} derivations"
        return found + (f" ({systems})" if systems else "") + f", {self.failed} errors of {len(self.causes)} causes"

    def text(self) -> str:
        """The table of failures and the summary, for a terminal."""
        lines = []
        groups = self.groups()
        for cause, names in groups[:_SHOWN_GROUPS]:
            more = f" … and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
            lines += [f"{len(names):6}  {cause}", f"        {', '.join(names[:_SHOWN_NAMES])}{more}"]
        if len(groups) > _SHOWN_GROUPS:
            lines.append(f"        … and {len(groups) - _SHOWN_GROUPS} more causes")
        return "\n".join([*lines, self.sentence()])

    def page_head(self, title: str) -> str:
        from html import escape

        return _PAGE.format(title=escape(title), summary=escape(self.sentence()))

    def page_failures(self) -> str:
        from html import escape

        parts = ["<h2>Errors</h2>\n"]
        for cause, names in self.groups():
            listed = ", ".join(map(escape, names))
            parts.append(
                f'<details><summary><span class="n">{len(names)}</span> {escape(cause)}</summary>\n'
                f"<p>{listed}</p><pre>{escape(self._examples[cause]().error or '')}</pre></details>\n"
            )
        return "".join(parts) if self.causes else ""


def page_row(reply: Reply) -> str:
    """One job of the page's table."""
    from html import escape

    attr = escape(reply.fields["attr"])
    if reply.error is not None:
        return f"<tr><td>{attr}<td>error<td>{escape(reply.cause)}\n"
    return f"<tr><td>{attr}<td>{escape(reply.fields['name'])}<td>{escape(reply.fields['drvPath'])}\n"
