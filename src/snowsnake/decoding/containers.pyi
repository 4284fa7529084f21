from collections.abc import Callable
from typing import Any

from snowsnake.decoding.decoder import Decoder, Plan

class Items(Plan):
    def __init__(
        self, d: Decoder, expected: str, item: Plan, make: Callable[..., Any] | None = None, check: Callable[..., Any] | None = None
    ) -> None: ...

class Tuple(Plan):
    def __init__(
        self,
        d: Decoder,
        expected: str,
        items: tuple[Plan, ...],
        make: Callable[..., Any] | None = None,
        least: int | None = None,
        by_name: Plan | None = None,
    ) -> None: ...

class Table(Plan):
    def __init__(self, d: Decoder, expected: str, item: Plan, key: Any = None, check: Callable[..., Any] | None = None) -> None: ...
