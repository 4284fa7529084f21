from collections.abc import Callable
from typing import Any

from snowsnake.handle import Handle
from snowsnake.runner import Runner

ANY: object
ABSENT: object
NULL_KIND: int
BOOL: int
INT: int
FLOAT: int
STRING: int
LIST: int
SET: int
FUNCTION: int
PATH: int
EVERY: int

class Decoder:
    def __init__(self, evaluator: Runner) -> None: ...
    def use(self, root: Plan) -> Decoder: ...
    def decode(self, handle: Handle, wrap: Callable[[Handle], object]) -> Any: ...
    def query(self, handle: Handle, wrap: Callable[[Handle], object]) -> tuple[object, list[tuple[tuple[str | int, ...], Exception]]]: ...
    def symbol(self, name: bytes) -> int: ...

class Plan:
    expected: str
    kinds: int
    def __init__(self, d: Decoder, *rest: object, **named: object) -> None: ...
