"""The duties of a command for the server of its store (`store/daemon/server.py`, `Duties`), for servers without a command and without settings."""

from collections.abc import Callable

from snowsnake.store.garbage import Collector
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo
from snowsnake.store.trust import PublicKeys


class FakeDuties:
    """Trusts one key, and builds nothing.  *options*: what the client has set: (name, text, whether it is trusted)."""

    def __init__(self, store: LocalStore, public_key: str) -> None:
        self.store = store
        self.public_key = public_key
        self.options: list[tuple[str, str, bool]] = []

    def set_option(self, name: str, text: str, *, is_trusted: bool) -> None:
        assert isinstance(name, str) and isinstance(text, str)
        self.options.append((name, text, is_trusted))

    def set_verbosity(self, level: int) -> None:
        assert 0 <= level <= 7
        self.options.append(("verbosity", str(level), True))

    def check_signature(self, info: PathInfo) -> None:
        if not PublicKeys.parse([self.public_key]).trust(info, 1, self.store.store_dir):
            raise ValueError(f"cannot add path '{info.path}' because it lacks a signature by a trusted key")

    def collector(self) -> Collector:
        return Collector(self.store, lambda text: None, keeps_outputs=False, keeps_derivations=True)

    def verify(self, *, checks_contents: bool, repairs: bool) -> bool:
        return bool(self.store.verify(check_contents=checks_contents))

    def failures(self, make: Callable[[], object]) -> dict[str, ValueError]:
        try:
            make()
        except ValueError as error:
            return {"": error}
        return {}
