from typing import Any

from snowsnake.decoding.decoder import Decoder, Plan

class Select(Plan):
    def __init__(self, d: Decoder, names: Any, single: bool) -> None: ...

class Each(Plan):
    def __init__(self, d: Decoder, item: Plan) -> None: ...
