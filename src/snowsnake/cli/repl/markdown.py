"""Markdown as text for a terminal: paragraphs, titles, lists, code, quotations.

In: Markdown.  Out: text in lines of the terminal's width less a margin, or of sixty columns if that is more, with emphasis in colours where there are some.
"""

import os
import re

_LEAST_WIDTH = 60
_BOLD, _ITALIC, _CODE, _TITLE, _PLAIN = "\x1b[1m", "\x1b[4m", "\x1b[34m", "\x1b[1m", "\x1b[0m"
_ITEM = re.compile(r"( *)([-*+]|\d+[.)]) +(.*)")
_TITLE_LINE = re.compile(r"#{1,6} +(.*?) *#*$")
_INLINE = re.compile(r"(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|(?<!\w)_([^_\s](?:[^_]*[^_\s])?)_(?!\w)|\[([^\]]*)\]\(([^)\s]*)\)", re.S)
_FENCE = re.compile(r"\s*(```+|~~~+)")
_STEERING = re.compile(r"\x1b\[[0-9;]*m")


def rendered(text: str, *, has_colours: bool = False, columns: int | None = None) -> str:
    """The text as it is shown.

    >>> print(rendered("Adds *two* numbers,\\nslowly.\\n\\n```nix\\nadd 1 2\\n```\\n- a\\n- b"))
    Adds two numbers, slowly.
    <BLANKLINE>
      │ add 1 2
    <BLANKLINE>
      · a
      · b
    """
    if columns is None:
        try:
            columns = os.get_terminal_size(1).columns
        except OSError:
            columns = 0
    return "\n\n".join(_blocks(text.split("\n"), max(columns - 5, _LEAST_WIDTH), has_colours))


def _blocks(lines: list[str], width: int, has_colours: bool) -> list[str]:
    found = []
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        fence = _FENCE.match(line)
        title = _TITLE_LINE.match(line)
        if not line.strip():
            pass
        elif fence:
            while end < len(lines) and not lines[end].strip().startswith(fence[1]):
                end += 1
            found.append(_barred(lines[at + 1 : end]))
            end += 1
        elif title:
            shown = _inline(title[1], has_colours)
            found.append(f"{_TITLE}{shown}{_PLAIN}" if has_colours else shown)
        elif line.startswith("    "):
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            found.append(_barred("\n".join(part[4:] for part in lines[at:end]).rstrip().split("\n")))
        elif line.startswith(">"):
            while end < len(lines) and lines[end].startswith(">"):
                end += 1
            inner = _blocks([part[1:].removeprefix(" ") for part in lines[at:end]], width - 4, has_colours)
            found.append(_barred("\n\n".join(inner).split("\n")))
        elif _ITEM.match(line):
            while end < len(lines) and (_ITEM.match(lines[end]) or lines[end].startswith(" ") or (not lines[end].strip() and _goes_on(lines, end))):
                end += 1
            found.append(_list(lines[at:end], width, has_colours))
        else:
            while end < len(lines) and lines[end].strip() and not (_FENCE.match(lines[end]) or _ITEM.match(lines[end]) or _TITLE_LINE.match(lines[end])):
                end += 1
            found.append(_paragraph(lines[at:end], width, has_colours))
        at = end
    return found


def _goes_on(lines: list[str], at: int) -> bool:
    """Whether a list goes on after an empty line."""
    return at + 1 < len(lines) and (lines[at + 1].startswith("  ") or bool(_ITEM.match(lines[at + 1])))


def _barred(lines: list[str]) -> str:
    return "\n".join(f"  │ {line}".rstrip() for line in lines)


def _list(lines: list[str], width: int, has_colours: bool) -> str:
    """The items of a list, each with what is indented below it."""
    shown: list[str] = []
    at = number = 0
    while at < len(lines):
        item = _ITEM.match(lines[at])
        end = at + 1
        if item is None:
            at = end
            continue
        depth = len(item[1])
        while end < len(lines):
            other = _ITEM.match(lines[end])
            if other is not None and len(other[1]) <= depth:
                break
            end += 1
        number += 1
        mark = "  · " if item[2] in "-*+" else f"{number:2}. "
        inner = [item[3], *(line[depth + 2 :] if line[: depth + 2].isspace() else line.lstrip() for line in lines[at + 1 : end])]
        blocks = _blocks(inner, width - 4, has_colours)
        text = "\n".join(blocks) if not any(not line.strip() for line in inner) else "\n\n".join(blocks).rstrip()
        first, *rest = text.split("\n")
        shown += [mark + first, *(f"    {line}".rstrip() for line in rest)]
        at = end
    return "\n".join(shown)


def _paragraph(lines: list[str], width: int, has_colours: bool) -> str:
    """Words in lines; a line that ends with a backslash or two blanks ends here, too."""
    found: list[str] = []
    for part in re.split(r"(?:\\|  )\n", "\n".join(lines)):
        found.append(_filled(_inline(part, has_colours), width))
    return "\n".join(found)


def _filled(text: str, width: int) -> str:
    lines: list[str] = []
    used = 0
    for word in text.split():
        size = len(_STEERING.sub("", word))
        if lines and used + 1 + size < width:
            lines[-1] += f" {word}"
            used += 1 + size
        else:
            lines.append(word)
            used = size
    return "\n".join(lines)


def _inline(text: str, has_colours: bool) -> str:
    def shown(found: "re.Match[str]") -> str:
        _, code, bold, starred, underlined, label, address = found.groups()
        if code is not None:
            return f"{_CODE}{code}{_PLAIN}" if has_colours else code
        if bold is not None:
            return f"{_BOLD}{bold}{_PLAIN}" if has_colours else bold
        if starred is not None or underlined is not None:
            inner = starred or underlined
            return f"{_ITALIC}{inner}{_PLAIN}" if has_colours else inner
        return f"{label}, {address}" if "://" in address else label

    return _INLINE.sub(shown, text)
