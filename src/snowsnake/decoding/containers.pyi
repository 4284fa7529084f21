from collections.abc import Callable

from snowsnake.decoding.decoder import Decoder, Plan

class Items(Plan):
    def __init__(
        self, d: Decoder, expected: str, item: Plan, make: Callable[..., object] | None = None, check: Callable[..., object] | None = None
    ) -> None: ...

class Tuple(Plan):
    def __init__(
        self,
        d: Decoder,
        expected: str,
        items: tuple[Plan, ...],
        make: Callable[..., object] | None = None,
        least: int | None = None,
        by_name: Plan | None = None,
    ) -> None: ...
    def fill(self, items: tuple[Plan, ...]) -> None: ...

class Table(Plan):
    def __init__(self, d: Decoder, expected: str, item: Plan, key: Callable[[str], object] | None = None, check: Callable[..., object] | None = None) -> None: ...
