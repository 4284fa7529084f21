"""The exception of the compiler."""


class CompileFault(ValueError):
    """A program that does not parse or compile: a code of the catalogue of errors, a message, and the bytes of the source that it is about."""

    def __init__(self, code: str, message: str, start_byte: int, end_byte: int) -> None:
        super().__init__(message)
        self.code = code
        self.start_byte = start_byte
        self.end_byte = end_byte
