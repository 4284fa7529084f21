from collections.abc import Callable, Iterable, Mapping
from typing import Any

class DerivationMemory:
    def __init__(
        self,
        store_dir: str = "/nix/store",
        reader: Callable[[str], bytes] | None = None,
        *,
        allows_floating: bool = True,
        allows_impure: bool = True,
        allows_dynamic: bool = True,
    ) -> None: ...
    def finish(
        self,
        name: str,
        *,
        system: str,
        builder: str,
        args: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        outputs: Iterable[str] = ("out",),
        kind: str = "input",
        method: str = "flat",
        algorithm: str = "sha256",
        digest: bytes | None = None,
        input_drvs: Any = (),
        input_srcs: Iterable[str] = (),
        closures: Iterable[str] = (),
        children: Iterable[tuple[str, str]] = (),
    ) -> tuple[str, dict[str, str], bytes]: ...
    def modulo(self, drv_path: str) -> tuple[bytes, bool]: ...
    def closure(self, path: str) -> list[str]: ...
    def add_references(self, path: str, references: Iterable[str]) -> None: ...
