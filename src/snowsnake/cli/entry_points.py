"""What the installed commands call: `[project.scripts]` of pyproject.toml names a function here for each.

Each function imports the module of its command, so that no command pays for another.
"""

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def _leave(module: str) -> "NoReturn":
    # The collector would look through thousands of objects that the imports make, and would free none of them.
    gc.disable()
    __import__(f"snowsnake.cli.{module}")
    from snowsnake.cli.output import leave

    leave(sys.modules[f"snowsnake.cli.{module}"].main)


def snowsnake() -> "NoReturn":
    _leave("main")


def nix() -> "NoReturn":
    _leave("nix.main")


def nix_build() -> "NoReturn":
    _leave("old.build")


def nix_env() -> "NoReturn":
    _leave("old.env")


def nix_eval_jobs() -> "NoReturn":
    _leave("eval_jobs")


def nix_hash() -> "NoReturn":
    _leave("old.hash")


def nix_instantiate() -> "NoReturn":
    _leave("instantiate")


def nix_prefetch_url() -> "NoReturn":
    _leave("old.prefetch_url")


def nix_store() -> "NoReturn":
    _leave("old.store")
