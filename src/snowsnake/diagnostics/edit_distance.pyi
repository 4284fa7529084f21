from collections.abc import Iterable
from typing import TypeVar

Name = TypeVar("Name", str, bytes)

def distance(a: Name, b: Name, limit: int) -> int: ...
def within(wanted: Name, candidates: Iterable[Name], limit: int) -> list[tuple[int, Name]]: ...
