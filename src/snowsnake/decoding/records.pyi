from collections.abc import Callable

from snowsnake.decoding.decoder import Decoder, Plan

class Field: ...

class RecordPlan(Plan):
    def __init__(
        self, d: Decoder, expected: str, make: Callable[[dict[str, object]], object], closed: bool = False,
        tag: tuple[str, str | int | None] | None = None,
    ) -> None: ...  # fmt: skip
    def add(self, name: bytes, python_name: str, plan: Plan, is_required: bool) -> None: ...
    def add_default(self, default: object, is_call: bool) -> None: ...
    def build(self, make: Callable[..., object], is_plain: bool, after: Callable[..., object] | None = None) -> None: ...

class Either(Plan):
    def __init__(self, d: Decoder, expected: str, plans: list[Plan]) -> None: ...
