"""Reports as HTML: for notebooks and pages.

In: the text of a report with colours of a terminal.  Out: one element that needs nothing else.
"""

import html
import re

# These are the colours of render.py, and their styles in a page.
_COLOURS = {"31;1": "#c0392b", "35;1": "#8e44ad", "34;1": "#2471a3", "33;1": "#b7950b", "32;1": "#1e8449", "36;1": "#148f77"}
_CODE = re.compile("\x1b\\[([0-9;]*)m")


def coloured(text: str) -> str:
    """Text for a page; colours of a terminal become elements.

    >>> coloured("\\x1b[31;1merror:\\x1b[0m a < b")
    '<span style="color:#c0392b;font-weight:bold">error:</span> a &lt; b'
    """
    parts: list[str] = []
    is_open = False
    end = 0
    for match in _CODE.finditer(text):
        parts.append(html.escape(text[end : match.start()], quote=False))
        end = match.end()
        if is_open:
            parts.append("</span>")
        colour = _COLOURS.get(match.group(1))
        is_open = colour is not None
        if is_open:
            parts.append(f'<span style="color:{colour};font-weight:bold">')
    parts.append(html.escape(text[end:], quote=False))
    return "".join(parts) + ("</span>" if is_open else "")


def report(text: str) -> str:
    """A report as one element, its lines as they are.

    >>> report("error: no")
    '<pre class="snowsnake-error" style="white-space:pre-wrap">error: no</pre>'
    """
    return f'<pre class="snowsnake-error" style="white-space:pre-wrap">{coloured(text)}</pre>'
