"""A value as HTML: a tree to unfold, for notebooks.

In: a value.  Out: one element.  Only the value itself is evaluated; the values in it are shown if they are evaluated already.
"""

import html
from typing import TYPE_CHECKING

from snowsnake import looking
from snowsnake.diagnostics.error import EvaluationError

if TYPE_CHECKING:
    from typing import Any

    from snowsnake.handle import Handle

# A page shows at most this many members of one set or list.
_MOST_CHILDREN = 200
_MOST_NODES = 2000
_DEEPEST = 12
_LAZY = '<i style="color:#888">not evaluated</i>'


def tree(value: "Any") -> str:
    """The value, with its first level unfolded; the report of the error if it cannot be evaluated.

    >>> from snowsnake import evaluate
    >>> tree(evaluate("1 + 1"))
    '<code class="snowsnake-value">2</code>'
    """
    try:
        value.force()
    except EvaluationError as error:
        return error._repr_html_()
    return _shown(value._handle, 0, [_MOST_NODES])


def _shown(handle: "Handle", depth: int, left: list[int]) -> str:
    left[0] -= 1
    found = looking.children(handle, _MOST_CHILDREN) if depth < _DEEPEST and left[0] > 0 else None
    if looking.shape(handle) == looking.UNKNOWN:
        return _LAZY
    if found is None:
        text = handle.describe() if looking.shape(handle) != looking.OTHER else handle.to_nix().decode("utf-8", "replace")
        return f'<code class="snowsnake-value">{html.escape(text)}</code>'
    names, handles = found
    size = len(handle)
    word = "attribute" if names is not None else "element"
    summary = f"{'set' if names is not None else 'list'} of {size} {word}{'' if size == 1 else 's'}"
    rows = []
    for number, inner in enumerate(handles):
        label = names[number] if names is not None else str(number)
        rows.append(f"<li><b>{html.escape(label)}</b>: {_shown(inner, depth + 1, left)}</li>")
    if size > len(handles):
        rows.append(f"<li>… and {size - len(handles)} more</li>")
    is_open = " open" if depth == 0 else ""
    return f"<details{is_open}><summary>{summary}</summary><ul>{''.join(rows)}</ul></details>"
