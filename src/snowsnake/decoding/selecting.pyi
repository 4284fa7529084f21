from snowsnake.decoding.decoder import Decoder, Plan

class Select(Plan):
    def __init__(self, d: Decoder, names: list[tuple[str, str, bool, Plan]], single: bool) -> None: ...

class Each(Plan):
    def __init__(self, d: Decoder, item: Plan) -> None: ...
