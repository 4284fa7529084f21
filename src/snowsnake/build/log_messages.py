"""Messages for programs in the log of a builder: lines that begin with `@nix `, each with a JSON object.

In: the text after `@nix `.  Out: text for the user, and whether the line was a message.  A builder is not trusted: it may say what it is doing and in
which phase it is, and nothing about others.  A line that is not a correct message causes a warning in 2.34.8's words, and is a normal line of the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from snowsnake.foundation.json_faults import TYPE_NAMES, type_fault

_SOURCE = "the derivation builder"


class LogMessages:
    """Handles the messages of one builder.  *show(level, text)* shows a text if the verbosity is at least that level, *warn* shows a warning, and *complain*
    shows a line at any verbosity.  *on_phase* gets the name of the builder's phase."""

    def __init__(
        self, show: Callable[[int, str], None], warn: Callable[[str], None], complain: Callable[[str], None],
        on_phase: Callable[[str], None] = lambda phase: None,
    ) -> None:  # fmt: skip
        self._on_phase = on_phase
        self._show = show
        self._warn = warn
        self._complain = complain

    def handle(self, text: str) -> bool:
        """Carries out a message; returns whether the line was a correct message.

        >>> LogMessages(print, print, print).handle('{"action": "msg", "level": 0, "msg": "hello"}')
        0 hello
        True
        >>> LogMessages(print, print, print).handle('{"action": 1}')
        Unable to handle a JSON message from the derivation builder: [json.exception.type_error.302] type must be string, but is number
        False
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._complain(f"bad JSON log message from {_SOURCE}: {error}")
            return False
        try:
            self._carry_out(data)
        except _Unexpected as error:
            self._warn(f"Unable to handle a JSON message from {_SOURCE}: {error}")
            return False
        return True

    def _carry_out(self, data: Any) -> None:
        if not isinstance(data, dict) and data is not None:
            raise _Unexpected(f"[json.exception.type_error.305] cannot use operator[] with a string argument with {TYPE_NAMES[type(data)]}")
        facts: dict[str, Any] = data or {}
        action = _text(facts, "action")
        if action == "msg":
            text = _text(facts, "msg")
            self._show(_number(facts, "level"), text)
        elif action == "setPhase":
            self._on_phase(_text(facts, "phase"))
        elif action == "start":
            _number(facts, "type")
        elif action in ("stop", "result"):
            _number(facts, "id")


class _Unexpected(ValueError):
    """A value has another type than the message needs."""


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise _Unexpected(type_fault(value, str))
    return value


def _number(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    if not isinstance(value, (int, float)):
        raise _Unexpected(type_fault(value, int))
    return int(value) if abs(value) < float("inf") else 0
