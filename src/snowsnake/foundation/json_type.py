"""The type of JSON values.  Other modules import it for type checkers only, so that it costs no start.

    def facts() -> "dict[str, Json]":
        return {"name": "hello", "outputs": ["out"], "meta": {"broken": False}}
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
