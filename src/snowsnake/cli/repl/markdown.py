"""Markdown as text for a terminal: paragraphs, titles, lists, code, quotations, tables.

In: Markdown.  Out: text in lines of the terminal's width less a margin, or of sixty columns if that is more, with emphasis in colours where there are some.
"""

import html
import os
import re
import sys

_LEAST_WIDTH = 60
_BOLD, _ITALIC, _CODE, _TITLE, _PLAIN = "\x1b[1m", "\x1b[4m", "\x1b[34m", "\x1b[1m", "\x1b[0m"
_BULLETS = "-*+"
_ITEM = re.compile(r"( *)([-*+]|\d{1,9}[.)]) +(.*)")
_TITLE_LINE = re.compile(r"(#{1,6}) +(.*?) *#*$")
# The line below a title, or a rule between paragraphs.
_UNDERLINE = re.compile(r" {0,3}(=+|-+) *$")
_RULE = re.compile(r" {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$")
_RULE_WIDTH = 20
_TABLE_LINE = re.compile(r" *\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$")
_CELL_END = re.compile(r"(?<!\\)\|")
_HTML = re.compile(r" {0,3}</?(?:address|article|aside|blockquote|center|details|div|dl|fieldset|form|h[1-6]|hr|ol|p|pre|section|summary|table|ul)\b", re.I)
_INLINE = re.compile(
    r"(`+)(.+?)(?<!`)\1(?!`)"
    r"|\\([!-/:-@\[-`{-~])"
    r"|&(\w+|#\d+|#[xX][0-9a-fA-F]+);"
    r"|<([A-Za-z][A-Za-z0-9+.-]*:[^\s<>]*)>"
    r"|(!?)\[([^\]]*)\]\(([^)\s]*)\)"
    r"|(\*\*\*|\*\*|\*)(?=[^*\s])((?:(?!\9)[^\\]|\\.)*?\S)\9"
    r"|(?<!\w)(___|__|_)(?=[^_\s])((?:(?!\11)[^\\]|\\.)*?\S)\11(?!\w)",
    re.S,
)
# Text may come from a flake of somebody else: emphasis in long or deeply nested text is not looked for.
_MOST_INLINE = 8192
_MOST_DEPTH = 20
_FENCE = re.compile(r"\s*(```+|~~~+)")
_STEERING = re.compile(r"\x1b\[[0-9;]*m")


def shown(text: str) -> str:
    """The text as a command shows it."""
    if os.environ.get("_NIX_TEST_RAW_MARKDOWN") == "1":
        return text
    return rendered(text, has_colours=sys.stdout.isatty())


def rendered(text: str, *, has_colours: bool = False, columns: int | None = None) -> str:
    """The text as it is shown.

    >>> print(rendered("Adds *two* numbers,\\nslowly.\\n\\n```nix\\nadd 1 2\\n```\\n- a\\n- b"), end="")
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
    return "\n\n".join(_blocks(text.split("\n"), max(columns - 5, _LEAST_WIDTH), has_colours)) + "\n"


def _blocks(lines: list[str], width: int, has_colours: bool) -> list[str]:
    if width <= 0:
        return ["\n".join(lines)]
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
            found.append(_title(title[2], len(title[1]), has_colours))
        elif _RULE.match(line):
            found.append("─" * _RULE_WIDTH)
        elif "|" in line and end < len(lines) and _TABLE_LINE.match(lines[end]):
            while end < len(lines) and "|" in lines[end]:
                end += 1
            found.append(_table([line, *lines[at + 2 : end]], lines[at + 1], has_colours))
        elif _HTML.match(line):
            while end < len(lines) and lines[end].strip():
                end += 1
            found.append("\n".join(lines[at:end]))
        elif line.startswith("    "):
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            found.append(_barred("\n".join(part[4:] for part in lines[at:end]).rstrip().split("\n")))
        elif line.startswith(">"):
            while end < len(lines) and (lines[end].startswith(">") or (not lines[end].strip() and lines[end + 1 : end + 2] and lines[end + 1].startswith(">"))):
                end += 1
            inner = _blocks([part[1:].removeprefix(" ") for part in lines[at:end]], width - 4, has_colours)
            found.append(_barred("\n\n".join(inner).split("\n")))
        elif _ITEM.match(line):
            while end < len(lines) and (_ITEM.match(lines[end]) or lines[end].startswith(" ") or (not lines[end].strip() and _goes_on(lines, end))):
                end += 1
            found.append(_list(lines[at:end], width, has_colours))
        else:
            while end < len(lines) and lines[end].strip() and not any(form.match(lines[end]) for form in (_FENCE, _ITEM, _TITLE_LINE, _UNDERLINE, _RULE)):
                end += 1
            underline = _UNDERLINE.match(lines[end]) if end < len(lines) else None
            if underline is None:
                found.append(_paragraph(lines[at:end], width, has_colours))
            else:
                found.append(_title(" ".join(lines[at:end]), 1 if underline[1][0] == "=" else 2, has_colours))
                end += 1
        at = end
    return found


def _goes_on(lines: list[str], at: int) -> bool:
    """Whether a list goes on after an empty line."""
    return at + 1 < len(lines) and (lines[at + 1].startswith("  ") or bool(_ITEM.match(lines[at + 1])))


def _title(text: str, level: int, has_colours: bool) -> str:
    found = ("#" * level + " " if level > 1 else "") + _inline(text.strip(), has_colours)
    return f"{_TITLE}{found}{_PLAIN}" if has_colours else found


def _table(rows: list[str], line: str, has_colours: bool) -> str:
    """Rows of cells; *line* is the one between head and rows, which has the colons of columns at the right or in the middle."""
    cells = [[_inline(cell.strip(), has_colours) for cell in _cells(row)] for row in rows]
    marks = [mark.strip() for mark in _cells(line)]
    widths = [max(_width(row[column]) if column < len(row) else 0 for row in cells) for column in range(len(marks))]

    def shown(row: list[str]) -> str:
        found = []
        for column, width in enumerate(widths):
            cell = row[column] if column < len(row) else ""
            free = width - _width(cell)
            before = 0 if not marks[column].endswith(":") else free // 2 if marks[column].startswith(":") else free
            found.append(" " * before + cell + " " * (free - before))
        return " │ ".join(found)

    return "\n".join([shown(cells[0]), "─┼─".join("─" * width for width in widths) + "─", *map(shown, cells[1:])])


def _cells(row: str) -> list[str]:
    return _CELL_END.split(row.strip().removeprefix("|").removesuffix("|"))


def _width(text: str) -> int:
    return len(_STEERING.sub("", text))


def _barred(lines: list[str]) -> str:
    return "\n".join(f"  │ {line}" for line in lines)


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
        number = number + 1 if number or item[2] in _BULLETS else int(item[2][:-1])
        mark = "  · " if item[2] in _BULLETS else f"{number:2}. "
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
        size = _width(word)
        if lines and used + 1 + size < width:
            lines[-1] += f" {word}"
            used += 1 + size
        else:
            lines.append(word)
            used = size
    return "\n".join(lines)


def _inline(text: str, has_colours: bool, depth: int = 0) -> str:
    """Text with emphasis, code and links.

    >>> print(_inline("**b** `c*`, \\\\* [l](http://x), &lt;", False))
    b c*, * l http://x, <
    """

    if len(text) > _MOST_INLINE or depth > _MOST_DEPTH:
        return text

    def coloured(steering: str, inner: str) -> str:
        return f"{steering}{inner}{_PLAIN}" if has_colours else inner

    def emphasised(mark: str, inner: str) -> str:
        plain = _inline(inner, has_colours, depth + 1)
        return coloured((_BOLD if len(mark) > 1 else "") + (_ITALIC if len(mark) != 2 else ""), plain)

    def shown(found: "re.Match[str]") -> str:
        _, code, escaped, entity, link, is_image, label, address, mark, inner, underline, underlined = found.groups()
        if code is not None:
            return coloured(_CODE, code)
        if escaped is not None:
            return escaped
        if entity is not None:
            return html.unescape(f"&{entity};")
        if link is not None:
            return link
        if label is not None:
            text = _inline(label, has_colours, depth + 1)
            place = f" {address}" if "://" in address else ""
            return f"[🖻 {text}{place}]" if is_image else text + place
        return emphasised(mark, inner) if mark is not None else emphasised(underline, underlined)

    return _INLINE.sub(shown, text)
