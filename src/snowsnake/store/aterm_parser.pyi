from typing import Any

MAX_LEVELS: int

def parse(text: bytes, store_dir: str = "/nix/store") -> tuple[Any, ...]: ...
