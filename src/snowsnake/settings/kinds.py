"""The types of settings: from text of nix.conf to Python values, and back.

Each type has a function that parses and one that renders; a type that can be appended to (`extra-NAME`) has a third one.  Messages are
those of 2.34.8.  A set is a sorted tuple, experimental features are a tuple in the order of the table.
"""

import os

from snowsnake.settings.places import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.foundation.json_type import Json
    from snowsnake.settings.errors import SettingError

    Warn = Callable[[str], None]

_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


def _fault(message: str) -> "SettingError":
    # Imported here: most values are right, and each start with a nix.conf imports this module.
    from snowsnake.settings.errors import SettingError

    return SettingError(message)


def words(text: str) -> list[str]:
    """The words of a value: blanks, tabs and line ends separate them, and nothing else does.

    >>> words(" a\\tb  c\\n")
    ['a', 'b', 'c']
    """
    return [word for word in text.replace("\t", " ").replace("\n", " ").replace("\r", " ").split(" ") if word]


class Kind:
    """Reads and writes values of one type; without `append`, a setting of this type has no `extra-NAME`."""

    __slots__ = ("parse", "render", "append")

    def __init__(
        self,
        parse: "Callable[[str, str, Warn], Any]",
        render: "Callable[[Any], str]",
        append: "Callable[[Any, Any], Any] | None" = None,
    ) -> None:
        self.parse = parse
        self.render = render
        self.append = append


def _bool(name: str, text: str, warn: "Warn") -> bool:
    if text in ("true", "yes", "1"):
        return True
    if text in ("false", "no", "0"):
        return False
    raise _fault(f"Boolean setting '{name}' has invalid value '{text}'")


def _integer(bits: int, is_signed: bool) -> "Callable[[str, str, Warn], int]":
    def parse(name: str, text: str, warn: "Warn") -> int:
        value = scaled(text, bits, is_signed)
        if value is None:
            raise _fault(f"setting '{name}' has invalid value '{text}'")
        return value

    return parse


def scaled(text: str, bits: int, is_signed: bool) -> int | None:
    """A whole number with one of the units K, M, G, T after it; None if the text is not a number, or the number is too large for its type.

    As in C++ Nix, the product of number and unit wraps around.

    >>> scaled("2k", 32, False), scaled("5x", 32, False), scaled("1T", 32, False)
    (2048, None, 0)
    """
    shift = 0
    if text and text[-1].isascii() and text[-1].isalpha():
        if text[-1].upper() not in _UNITS:
            return None
        shift = _UNITS[text[-1].upper()]
        text = text[:-1]
    value = whole(text, bits, is_signed)
    if value is None:
        return None
    value = (value << shift) & ((1 << bits) - 1)
    return value - (1 << bits) if is_signed and value >> (bits - 1) else value


def whole(text: str, bits: int, is_signed: bool) -> int | None:
    """A decimal whole number of at most *bits* bits, perhaps with a sign in front; None for any other text."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or not digits.isascii() or not digits.isdigit() or (text[0] == "-" and not is_signed) or len(digits) > 4000:
        return None
    value = int(text)
    least = -(1 << (bits - 1)) if is_signed else 0
    return value if least <= value < (1 << (bits - is_signed)) else None


def _jobs(name: str, text: str, warn: "Warn") -> int:
    if text == "auto":
        return os.cpu_count() or 1
    value = whole(text, 32, False)
    if value is None:
        raise _fault(f"configuration setting '{name}' should be 'auto' or an integer")
    return value


def _path(name: str, text: str, warn: "Warn") -> str:
    if not text:
        raise _fault(f"setting '{name}' is a path and paths cannot be empty")
    return text


def _absolute(name: str, text: str, warn: "Warn") -> str:
    return absolute(_path(name, text, warn))


def _choice(*allowed: str, hint: str = "") -> "Callable[[str, str, Warn], str]":
    def parse(name: str, text: str, warn: "Warn") -> str:
        if text not in allowed:
            raise _fault(f"option '{name}' has invalid value '{text}'{hint}")
        return text

    return parse


def _map(name: str, text: str, warn: "Warn") -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words(text):
        key, has_value, value = word.partition("=")
        # As in C++ Nix, a word without `=` is ignored.
        if has_value:
            pairs.setdefault(key, value)
    return _sorted(pairs)


def _sorted(pairs: "dict[str, Any]") -> "dict[str, Any]":
    return {key: pairs[key] for key in sorted(pairs, key=os.fsencode)}


def _mounts(name: str, text: str, warn: "Warn") -> dict[str, tuple[str, bool]]:
    mounts: dict[str, tuple[str, bool]] = {}
    for word in sorted(set(words(text)), key=os.fsencode):
        is_optional = word.endswith("?")
        inside, has_outside, outside = word.removesuffix("?").partition("=")
        mounts[inside] = (outside if has_outside else inside, is_optional)
    return _sorted(mounts)


def _render_mounts(mounts: dict[str, tuple[str, bool]]) -> str:
    shown = [(inside if inside == outside else f"{inside}={outside}") + "?" * is_optional for inside, (outside, is_optional) in mounts.items()]
    return " ".join(shown)


def _sorted_words(name: str, text: str, warn: "Warn") -> tuple[str, ...]:
    return tuple(sorted(set(words(text)), key=os.fsencode))


def _features(name: str, text: str, warn: "Warn") -> tuple[str, ...]:
    from snowsnake.settings import features

    found: set[str] = set()
    for word in _sorted_words(name, text, warn):
        if word in features.NAMES:
            found.add(word)
            if word == "flakes":
                found.add("fetch-tree")
        else:
            warn(features.RENAMED.get(word) or f"unknown experimental feature '{word}'")
    return _ordered(found)


def _ordered(found: "set[str]") -> tuple[str, ...]:
    from snowsnake.settings.features import NAMES

    return tuple(feature for feature in NAMES if feature in found)


def _store(name: str, text: str, warn: "Warn") -> str:
    # Imported here: a start with a nix.conf that names no store does not need it.
    from snowsnake.settings.store_reference import StoreReference

    return StoreReference.parse(text, warn).render()


def _stores(name: str, text: str, warn: "Warn") -> tuple[str, ...]:
    return tuple(_store(name, word, warn) for word in words(text))


def _builders(name: str, text: str, warn: "Warn") -> tuple[dict[str, object], ...]:
    from snowsnake.settings.external_builders import parse_external_builders

    try:
        return parse_external_builders(text)
    except (ValueError, RecursionError) as error:
        raise _fault(f"parsing setting '{name}': {error}") from None


def _render_builders(value: tuple[dict[str, object], ...]) -> str:
    from snowsnake.foundation import light_json

    return light_json.dumps(value, is_compact=True, is_ascii=False)


def _kept(value: str) -> str:
    return value


def _text(name: str, text: str, warn: "Warn") -> str:
    return text


def _joined(value: tuple[str, ...]) -> str:
    return " ".join(value)


def _add_pairs(old: "dict[str, Json]", new: "dict[str, Json]") -> "dict[str, Json]":
    # A pair that is there already stays as it is.
    return _sorted(new | old)


def _add_sorted(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*old, *new}, key=os.fsencode))


def _add(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return old + new


KINDS = {
    "bool": Kind(_bool, lambda value: "true" if value else "false"),
    "str": Kind(_text, _kept),
    "u32": Kind(_integer(32, False), str),
    "u64": Kind(_integer(64, False), str),
    "i32": Kind(_integer(32, True), str),
    "i64": Kind(_integer(64, True), str),
    "jobs": Kind(_jobs, str),
    "path": Kind(_path, _kept),
    "absolute path": Kind(_absolute, _kept),
    "path or none": Kind(lambda name, text, warn: absolute(text) if text else None, lambda value: value or ""),
    "list": Kind(lambda name, text, warn: tuple(words(text)), _joined, _add),
    "set": Kind(_sorted_words, _joined, _add_sorted),
    "path list": Kind(lambda name, text, warn: tuple(words(text)), _joined),
    "path set": Kind(_sorted_words, _joined),
    # C++ Nix writes a blank before each pair, also before the first one.
    "map": Kind(_map, lambda value: "".join(f" {key}={text}" for key, text in value.items()), _add_pairs),
    "features": Kind(_features, lambda value: " ".join(sorted(value)), lambda old, new: _ordered({*old, *new})),
    "store": Kind(_store, _kept),
    "store list": Kind(_stores, _joined, _add),
    "store set": Kind(lambda name, text, warn: tuple(sorted(set(_stores(name, text, warn)))), _joined, _add_sorted),
    "sandbox": Kind(_choice("true", "false", "relaxed"), _kept),
    "mounts": Kind(_mounts, _render_mounts, _add_pairs),
    "lint": Kind(_choice("ignore", "warn", "fatal", hint=" (expected 'ignore', 'warn', or 'fatal')"), _kept),
    "profiler": Kind(_choice("disabled", "flamegraph"), _kept),
    "json list": Kind(_builders, _render_builders),
}
