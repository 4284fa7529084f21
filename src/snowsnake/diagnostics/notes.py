"""The lines that the machine itself adds to a trace: THE table.

The machine says which line is meant, with its fields; the line is worded here, nowhere else.  `machine/notes.pxd` is made from this table.
"""

# (kind, phrase): `{name}` is the attribute in hand, `{shown_name}` the same as Nix writes it, `{text}` what the machine found.
NOTES = (
    ("fetching", "{text}"),
    ("functor", "while calling a functor (an attribute set with a '__functor' attribute)"),
    ("condition", "while evaluating the condition of the assertion '{text}'"),
    ("left-side", "where left hand side is"),
    ("right-side", "where right hand side is"),
    ("compared-attribute", "while comparing attribute '{shown_name}'"),
    ("compared-element", "while comparing list element {text}"),
    ("compared-output", "while comparing a derivation by its 'outPath' attribute"),
    ("ordered-elements", "while comparing two list elements"),
    ("deep-attribute", "while evaluating the attribute '{shown_name}'"),
    ("deep-element", "while evaluating list element at index {text}"),
    ("json-attribute", "while evaluating attribute '{shown_name}'"),
    ("derivation", "while evaluating derivation '{text}'"),
    ("derivation-name", "while evaluating the derivation attribute 'name'"),
    ("derivation-attribute", "while evaluating attribute '{shown_name}' of derivation '{text}'"),
    ("added-path", "while adding path '{text}'"),
    ("realised-path", "while realising the context of path '{text}'"),
    ("operator-called", "while calling operator on genericClosure element {text}"),
    ("closure-element", "in genericClosure element {text}"),
    ("closure-compared", "while comparing element {text}"),
    ("closure-with", "with element {text}"),
    # The line of a selection that has found an attribute is made from the source; the text has its computed names (machine/selections.pyx).
    ("selection", ""),
)
KINDS = ("", *(kind for kind, _ in NOTES))
_PHRASES = dict(NOTES)


def note_line(kind: str, name: str = "", shown_name: str = "", text: str = "") -> str:
    r"""The line of a trace; `shown_name` is the name as Nix writes it, in quotes if it needs them.

    >>> note_line("compared-element", text="3"), note_line("deep-attribute", "a b", '"a b"')
    ('while comparing list element 3', 'while evaluating the attribute \'"a b"\'')
    """
    return _PHRASES[kind].format(name=name, shown_name=shown_name, text=text)
