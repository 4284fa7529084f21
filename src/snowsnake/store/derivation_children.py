"""Inputs that are outputs of derivations which are outputs themselves: a part of a `.drv` that only dynamic derivations have.

In: text, `[("out",["dev"])]`, or JSON, `{"out": {"outputs": ["dev"], "dynamicOutputs": {}}}`.  Out: the other form, and chains of names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from snowsnake.store.aterm_parser import MAX_LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Children = dict[str, "dict[str, Any]"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\](),]', re.DOTALL)


def read_children(text: str) -> Children:
    """The children that a text describes; `aterm_parser.parse` must have checked it.

    >>> read_children('[("out",(["a"],[("b",["c"])]))]')
    {'out': {'outputs': ['a'], 'dynamicOutputs': {'b': {'outputs': ['c'], 'dynamicOutputs': {}}}}}
    """
    tokens = _TOKEN.findall(text)
    top: Children = {}
    levels = [top]
    at = 1
    while levels:
        token = tokens[at]
        if token == "]":
            levels.pop()
            # This also skips the brackets of the node to which the level belongs.
            at += 1 if not levels else 3
        elif token == ",":
            at += 1
        else:
            # The text has `("name",` here, and then a node.
            name, at = _unquoted(tokens[at + 1]), at + 3
            has_children = tokens[at] == "("
            at += 2 if has_children else 1
            end = tokens.index("]", at)
            node: dict[str, Any] = {"outputs": sorted({_unquoted(word) for word in tokens[at:end:2]}), "dynamicOutputs": {}}
            levels[-1][name] = node
            if has_children:
                levels.append(node["dynamicOutputs"])
            at = end + (3 if has_children else 2)
    return top


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), word[1:-1], flags=re.DOTALL)


def _quoted(name: str) -> str:
    return '"' + re.sub(r'["\\\n\r\t]', lambda found: "\\" + {"\n": "n", "\r": "r", "\t": "t"}.get(found[0], found[0]), name) + '"'


def write_children(children: Children) -> str:
    """The text of children, with names in order.

    >>> write_children({"out": {"outputs": ["b", "a"], "dynamicOutputs": {}}})
    '[("out",["a","b"])]'
    """
    return "[" + ",".join(f"({_quoted(name)},{_node(node)})" for name, node in sorted(children.items())) + "]"


def _node(node: dict[str, Any]) -> str:
    names = "[" + ",".join(_quoted(name) for name in sorted(set(node["outputs"]))) + "]"
    return f"({names},{write_children(node['dynamicOutputs'])})" if node["dynamicOutputs"] else names


def chains(children: Children) -> Iterator[tuple[str, ...]]:
    """The wanted outputs, as chains of names: those of the outputs that are derivations on the way to it, then its own.

    >>> list(chains(read_children('[("out",(["a"],[("b",["c"])]))]')))
    [('out', 'a'), ('out', 'b', 'c')]
    """
    for name, node in sorted(children.items()):
        for output in sorted(node["outputs"]):
            yield (name, output)
        for rest in chains(node["dynamicOutputs"]):
            yield (name, *rest)


def parents(children: Children) -> Iterator[tuple[str, ...]]:
    """The outputs that are derivations and of which an output is wanted, as chains of names.

    >>> list(parents(read_children('[("out",([],[("b",["c"])]))]')))
    [('out', 'b')]
    """
    for name, node in sorted(children.items()):
        if node["outputs"]:
            yield (name,)
        for rest in parents(node["dynamicOutputs"]):
            yield (name, *rest)


def check_children(given: Any) -> Children:
    """The `dynamicOutputs` of a JSON object; ValueError says what is wrong with them."""
    waiting = [(given, 1)]
    while waiting:
        level, depth = waiting.pop()
        if not isinstance(level, dict):
            raise ValueError(f"'dynamicOutputs' should be an object, not {json.dumps(level)[:80]}")
        if depth > MAX_LEVELS:
            raise ValueError("outputs of derivations that are outputs are nested too deep in derivation")
        for name, node in level.items():
            names = node.get("outputs") if isinstance(node, dict) else None
            if not isinstance(names, list) or not all(isinstance(word, str) for word in names):
                raise ValueError(f"dynamic output '{name}' should be an object with 'outputs', a list of names, and 'dynamicOutputs'")
            waiting.append((node.get("dynamicOutputs", {}), depth + 1))
    return {name: _canonical(node) for name, node in given.items()}


def _canonical(node: dict[str, Any]) -> dict[str, Any]:
    inner = node.get("dynamicOutputs", {})
    return {"outputs": sorted(set(node["outputs"])), "dynamicOutputs": {name: _canonical(child) for name, child in inner.items()}}
