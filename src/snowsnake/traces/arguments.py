"""C++ Nix 2.34's words for what a builtin was doing: its arguments, their elements, the results of functions that it was given.

Most lines follow from the letters of the table of builtins; the others are phrases of their rows (`builtins/table_*.py`), from which
`traces/phrases.py` is generated.  Parts of a builtin's input are named as in `traces.cause`; other names say what the machine did
with an argument or an element: `coerced` to a string or path, `compared`, called (`function`), looked into for an attribute (`attributes`),
read as a text (`content`).
"""

from snowsnake.traces.phrases import ALWAYS, ARGUMENT_FORMS, PHRASES

_ORDINALS = ("first", "second", "third")
# Any error inside an argument with one of these letters has the line of the argument, not only a wrong type.
_WRAPPED_LETTERS = "ibsSf"
# A line that ends with this has the place of the attribute.  So does the error if the attribute has a wrong type, unless a set or a list was expected.
AT_ATTRIBUTE = "@"


def argument_text(name: str, argument: int, kind: str = "") -> str:
    """The line for an argument of a builtin; arguments count from 1.  `kind`: `float ` if it had to be a float.

    >>> argument_text("match", 2)
    'while evaluating the second argument passed to builtins.match'
    """
    phrases = PHRASES.get(name, {})
    phrase = phrases.get(f"{kind}argument {argument}") or phrases.get(f"argument {argument}")
    if phrase is not None:
        return phrase
    form = ARGUMENT_FORMS.get(name, "")
    ordinal = "" if form == "only" else _ORDINALS[argument - 1] + " "
    shown = f"'builtins.{name}'" if form == "quoted" else f"builtins.{name}"
    return f"while evaluating the {ordinal}argument passed to {shown}"


def is_wrapped(name: str, part: str) -> bool:
    """Whether the line appears for every error inside the part, not only for a wrong type."""
    from snowsnake.builtins.registry import forces

    if part in ALWAYS.get(name, ()):
        return True
    argument = _argument_of(part)
    return argument > 0 and forces(name)[argument - 1 : argument] in tuple(_WRAPPED_LETTERS)


def part_text(name: str, part: str) -> str | None:
    """The line for a part of a builtin's input.

    >>> part_text("all", "result"), part_text("head", "argument 1")
    ('while evaluating the return value of the function passed to builtins.all', "while evaluating the first argument passed to 'builtins.head'")
    """
    texts = PHRASES.get(name, {})
    if part in texts:
        return texts[part]
    argument = 1 if part == "function" else _argument_of(part)
    if argument:
        return argument_text(name, argument)
    return texts.get("attribute") if part.startswith("attribute ") else None


def _argument_of(part: str) -> int:
    return int(part.removeprefix("argument ")) if part.startswith("argument ") else 0
