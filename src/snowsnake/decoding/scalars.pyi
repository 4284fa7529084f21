from collections.abc import Callable, Mapping
from typing import Any

from snowsnake.decoding.decoder import Decoder, Plan

class Lazy(Plan):
    def __init__(self, d: Decoder) -> None: ...

class Anything(Plan):
    def __init__(self, d: Decoder) -> None: ...

class Null(Plan):
    def __init__(self, d: Decoder) -> None: ...

class Boolean(Plan):
    def __init__(self, d: Decoder) -> None: ...

class Int(Plan):
    def __init__(self, d: Decoder, expected: str = "an integer", check: Callable[..., object] | None = None) -> None: ...

class Float(Plan):
    def __init__(self, d: Decoder, expected: str = "a float", check: Callable[..., object] | None = None) -> None: ...

class String(Plan):
    def __init__(
        self,
        d: Decoder,
        expected: str = "a string",
        check: Callable[..., object] | None = None,
        make: Callable[..., object] | None = None,
        is_bytes: bool = False,
    ) -> None: ...

class Choice(Plan):
    def __init__(self, d: Decoder, expected: str, members: Mapping[Any, object], kinds: int, missing: Callable[..., object] | None = None) -> None: ...

class Convert(Plan):
    def __init__(self, d: Decoder, expected: str, inner: Plan, make: Callable[..., object]) -> None: ...
