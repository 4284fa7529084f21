"""A store path as a value.

In: text, or what a path is made of.  Out: `StorePath`.  What is not a store path is a ValueError with Nix's message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from snowsnake.store import store_path
from snowsnake.store.hash import Hash

STORE_DIR = "/nix/store"


@dataclass(frozen=True, order=True)
class StorePath:
    """"/nix/store/*hash_part*-*name*"."""

    hash_part: str
    name: str
    store_dir: str = STORE_DIR

    def __post_init__(self) -> None:
        store_path.check_base(self.base)

    @classmethod
    def parse(cls, path: str, store_dir: str = STORE_DIR) -> StorePath:
        """From exactly the path of a store object."""
        hash_part, name = store_path.parse(path, store_dir)
        parsed = cls(hash_part, name, store_dir)
        if str(parsed) != path:  # Nix itself does not look at the character between them
            raise ValueError(f"path '{path}' is not a valid store path: its hash is not followed by '-'")
        return parsed

    @classmethod
    def containing(cls, path: str, store_dir: str = STORE_DIR) -> tuple[StorePath, str]:
        """The object that *path* is, or lies in, and what follows it ("" or "/bin/sh")."""
        whole, rest = store_path.split(path, store_dir)
        return cls.parse(whole, store_dir), rest

    @classmethod
    def of_text(cls, name: str, contents: bytes, references: Iterable[str] = (), store_dir: str = STORE_DIR) -> StorePath:
        """Where `builtins.toFile` puts a text."""
        return cls.parse(store_path.text_path(name, contents, [str(r) for r in references], store_dir), store_dir)

    @classmethod
    def of_content(
        cls, name: str, content: Hash, method: str = "nar", references: Iterable[str] = (), store_dir: str = STORE_DIR
    ) -> StorePath:
        """Of content-addressed data: *method* flat (hash of the bytes), nar (of the archive), text or git."""
        made = store_path.fixed_path(
            name, method, content.algorithm, content.digest, [str(r) for r in references], False, store_dir
        )
        return cls.parse(made, store_dir)

    @property
    def base(self) -> str:
        return f"{self.hash_part}-{self.name}"

    @property
    def is_derivation(self) -> bool:
        return self.name.endswith(".drv")

    def __str__(self) -> str:
        return f"{self.store_dir}/{self.base}"
