"""A store path as a value.

In: text, or the parts of a path.  Out: `StorePath`.  A text that is not a store path is a ValueError with Nix's message.
"""

from __future__ import annotations

from snowsnake.foundation.record import Record
from snowsnake.store import store_path
from snowsnake.store.hash import Hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

STORE_DIR = "/nix/store"


class StorePath(Record):
    """"/nix/store/*hash_part*-*name*".  ValueError for a hash part that is not 32 digits, or a name that Nix refuses.

    >>> path = StorePath.parse("/nix/store/00000000000000000000000000000000-hello.drv")
    >>> path.name, path.is_derivation
    ('hello.drv', True)
    """

    __slots__ = ("hash_part", "name", "store_dir")
    hash_part: str
    name: str
    store_dir: str

    def __init__(self, hash_part: str, name: str, store_dir: str = STORE_DIR) -> None:
        self._set(hash_part, name, store_dir)
        store_path.check_base(self.base)

    @classmethod
    def parse(cls, path: str, store_dir: str = STORE_DIR) -> StorePath:
        """Parses exactly the path of a store object."""
        return cls(*check_path(path, store_dir), store_dir)

    @classmethod
    def containing(cls, path: str, store_dir: str = STORE_DIR) -> tuple[StorePath, str]:
        """The object that *path* is, or lies in, and the rest of the path ("" or "/bin/sh").

        >>> whole, rest = StorePath.containing("/nix/store/00000000000000000000000000000000-hello/bin/hello")
        >>> whole.name, rest
        ('hello', '/bin/hello')
        """
        whole, rest = store_path.split(path, store_dir)
        return cls.parse(whole, store_dir), rest

    @classmethod
    def of_text(cls, name: str, contents: bytes, references: Iterable[str] = (), store_dir: str = STORE_DIR) -> StorePath:
        """The path at which `builtins.toFile` puts a text; *references*: store paths in the text.  Nothing is written."""
        return cls.parse(store_path.text_path(name, contents, [str(r) for r in references], store_dir), store_dir)

    @classmethod
    def of_content(
        cls, name: str, content: Hash, method: str = "nar", references: Iterable[str] = (), store_dir: str = STORE_DIR
    ) -> StorePath:
        """The path of content-addressed data: *method* flat (hash of the bytes), nar (of the archive), text or git.

        >>> str(StorePath.of_content("source", Hash.of_bytes(b"")))
        '/nix/store/f6jkrn77ysv9dhs8hh6s2faflhjc930i-source'
        """
        if not isinstance(content, Hash):
            raise TypeError(f"the content of a path is known by a Hash, not {type(content).__name__}")
        made = store_path.fixed_path(
            name, method, content.algorithm, content.digest, [str(r) for r in references], False, store_dir
        )
        return cls.parse(made, store_dir)

    @property
    def base(self) -> str:
        """The last part of the path: hash part and name."""
        return f"{self.hash_part}-{self.name}"

    @property
    def is_derivation(self) -> bool:
        """Whether it is the path of a `.drv` file."""
        return self.name.endswith(".drv")

    def __str__(self) -> str:
        return f"{self.store_dir}/{self.base}"


def hash_part_of(path: str) -> str:
    """The hash part of an object's path, which must be valid.

    >>> hash_part_of("/nix/store/00000000000000000000000000000000-hello.drv")
    '00000000000000000000000000000000'
    """
    return path.rpartition("/")[2][:32]


def object_name(path: str) -> str:
    """The name of an object without the hash in front of it.

    >>> object_name("/nix/store/00000000000000000000000000000000-hello.drv")
    'hello.drv'
    """
    return path.rpartition("/")[2][33:]


def check_path(path: str, store_dir: str = STORE_DIR) -> tuple[str, str]:
    """(hash part, name) of exactly the path of a store object; ValueError for anything else."""
    hash_part, name = store_path.parse(path, store_dir)
    base = f"{hash_part}-{name}"
    store_path.check_base(base)
    # Nix itself does not check the character between the hash and the name.
    if f"{store_dir}/{base}" != path:
        raise ValueError(f"path '{path}' is not a valid store path: its hash is not followed by '-'")
    return hash_part, name
