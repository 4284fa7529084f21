class PathText:
    text: bytes
    def __init__(self, text: bytes) -> None: ...

class FunctionNumber:
    number: int
    arity: int
    formals: dict[str, bool] | None
    def __init__(self, number: int, arity: int, formals: dict[str, bool] | None = None) -> None: ...

LEVELS_OF_DATA: int
TOO_DEEP: str

def is_plain(value: object) -> bool: ...
