"""Settings that a flake asks for (`nixConfig`): they are applied if they are harmless, or if the user trusts them.

In: the settings of a `flake.nix`.  Out: calls of `set`; a setting that is not trusted causes a warning.
The user's answers are kept in `trusted-settings.json`, which C++ Nix reads and writes, too.
"""

import os

from snowsnake.foundation import light_json
from snowsnake.settings.places import data_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from snowsnake.lock.flakes import Setting

_HARMLESS = frozenset(
    (
        "bash-prompt",
        "bash-prompt-prefix",
        "bash-prompt-suffix",
        "flake-registry",
        "commit-lock-file-summary",
        "commit-lockfile-summary",
    )
)


def setting_text(value: "Setting") -> str:
    """The value in the form of nix.conf."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(value) if isinstance(value, list) else str(value)


def trusted_list_path(environ: "Mapping[str, str]") -> str:
    """The path of the file with the user's answers."""
    return os.path.join(data_folder(environ), "trusted-settings.json")


def _answers(path: str) -> dict[str, dict[str, bool]]:
    try:
        with open(path, "rb") as file:
            found = light_json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(inner, dict) for inner in found.values()) else {}


class FlakeConfig:
    """Applies the settings of a flake, with which it is called.

    `set_setting` sets one, `accepts_all` says whether the user trusts all.  `ask` asks the user, and returns the answer, or None if there is nobody
    to ask; `warn` and `say` get messages.
    """

    def __init__(
        self,
        set_setting: "Callable[[str, str], None]",
        accepts_all: "Callable[[], bool]",
        environ: "Mapping[str, str]",
        warn: "Callable[[str], None]",
        ask: "Callable[[str], str | None]" = lambda question: None,
        say: "Callable[[str], None]" = lambda text: None,
    ) -> None:
        self._set = set_setting
        self._accepts_all = accepts_all
        self._environ = environ
        self._warn = warn
        self._ask = ask
        self._say = say

    def __call__(self, config: "Mapping[str, Setting]") -> None:
        for name, value in sorted(config.items()):
            text = setting_text(value)
            if name.removeprefix("extra-") in _HARMLESS or self._accepts_all() or self._is_trusted(name, text):
                self._set(name, text)
            else:
                self._warn(
                    f"ignoring untrusted flake configuration setting '{name}'.\nPass '--accept-flake-config' to trust it"
                )

    def _is_trusted(self, name: str, text: str) -> bool:
        path = trusted_list_path(self._environ)
        answers = _answers(path)
        saved = answers.get(name, {}).get(text)
        if isinstance(saved, bool):
            self._say(f"Using saved setting for '{name} = {text}' from ~/.local/share/nix/trusted-settings.json.")
            return saved
        shown = "".join(c if c.isprintable() else "?" for c in text)
        is_trusted = _is_yes(self._ask(f"do you want to allow configuration setting '{name}' to be set to '{shown}' (y/N)?"))
        word = "trusted" if is_trusted else "untrusted"
        if _is_utf8(name + text) and _is_yes(self._ask(f"do you want to permanently mark this value as {word} (y/N)?")):
            answers.setdefault(name, {})[text] = is_trusted
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(light_json.dumps(answers, sorts_keys=True, is_compact=True, is_ascii=False))
        return is_trusted


def _is_utf8(text: str) -> bool:
    """Whether a text can be kept as JSON.  If it cannot, the user is asked each time."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _is_yes(answer: str | None) -> bool:
    return answer is not None and answer.lower().startswith("y")
