from typing import Any

METHODS: dict[str, int]
KINDS: dict[str, int]
KIND_NAMES: dict[int, str]
METHOD_NAMES: dict[int, str]

def write(
    outputs: list[Any],
    input_drvs: list[Any],
    input_srcs: list[str],
    platform: str,
    builder: str,
    args: list[str],
    env: list[tuple[str, str]],
    children: list[tuple[str, str]] | None = None,
) -> bytes: ...
