class PathText:
    text: bytes
    def __init__(self, text: bytes) -> None: ...

class FunctionNumber:
    number: int
    arity: int
    formals: dict[str, bool] | None
    def __init__(self, number: int, arity: int, formals: dict[str, bool] | None = None) -> None: ...

def is_plain(value: object) -> bool: ...
