"""Nix source as a tree: nodes with places, comments and documentation, a visitor, and edits that keep the formatting.

    parse, parse_file     source → `Tree`; nothing is evaluated
    Tree, Node, Comment   the nodes and their places; `KINDS` are the kinds of nodes with their fields
    Visitor               a method for each kind
    Edits                 replaces values, and keeps every other byte as it was

Errors are `snowsnake.SyntaxFault`, with all faults of a source.  The names are imported when they are first used (snowsnake/faces.py).

>>> from snowsnake import syntax
>>> tree = syntax.parse('{ version = "1.0"; # the newest\\n  url = "https://example.org"; }')
>>> [binding.name for binding in tree.root.bindings], tree.comments[0].text
(['version', 'url'], '# the newest')
>>> tree.edit().set("version", "1.1").text.splitlines()[0]
'{ version = "1.1"; # the newest'
"""
