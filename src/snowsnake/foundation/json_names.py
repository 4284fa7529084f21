"""What JSON calls the types of its values, for messages.  It costs a start nothing, because only messages need it."""

TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null", int: "number", float: "number"}


def type_fault(value: object, kind: type) -> str:
    """Says that a value is of another type, in the words of the JSON library that C++ Nix uses.

    >>> type_fault(None, str)
    '[json.exception.type_error.302] type must be string, but is null'
    """
    return f"[json.exception.type_error.302] type must be {TYPE_NAMES[kind]}, but is {TYPE_NAMES[type(value)]}"
