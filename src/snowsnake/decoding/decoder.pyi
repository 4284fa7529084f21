from typing import Any

from snowsnake.handle import Handle
from snowsnake.runner import Runner

ANY: Any
ABSENT: Any
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
    def decode(self, handle: Handle, wrap: Any) -> Any: ...
    def query(self, handle: Handle, wrap: Any) -> Any: ...
    def symbol(self, name: bytes) -> int: ...

class Plan:
    expected: str
    kinds: int
    def __init__(self, d: Decoder, *rest: Any, **named: Any) -> None: ...
