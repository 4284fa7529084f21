"""Reads the options of the module system (NixOS, home-manager, nix-darwin, any `lib.evalModules`).

    walk        iterates over the options below a set of options, lazily
    decode      returns the options as objects of your own type, such as a dataclass
    document    returns the options that manuals show as `OptionDoc`, sorted by name
    to_json     writes the `options.json` that nixos-render-docs and search pages read
    to_markdown writes a page

In: a `Value` that is the attribute `options` of an evaluated configuration.  Out: Python objects.  Only the fields that are read are
evaluated: the values of options, for example, are not.

>>> import snowsnake
>>> from snowsnake import options
>>> found = snowsnake.evaluate('''{ services.web.port = { _type = "option"; loc = [ "services" "web" "port" ]; description = "Its port.";
...     type = { name = "int"; description = "integer"; }; default = 80; value = throw "not looked at"; }; }''')
>>> [(option.name, option.type, option.default) for option in options.walk(found)]
[('services.web.port', 'integer', '80')]
>>> print(options.to_markdown(found))
## services.web.port
<BLANKLINE>
Its port.
<BLANKLINE>
*Type:* integer
<BLANKLINE>
*Default:* `80`
<BLANKLINE>
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import an_instance
from snowsnake.foundation.record import Whole
from snowsnake.syntax.api import name_text
from snowsnake.values import Value

T = TypeVar("T")

# Sets are nested in at most this many levels.  The limit ends the walk through a set that contains itself.
DEEPEST = 500
_TRANSIENT = frozenset(("interrupt", "timeout", "memory"))


class Option(Whole):
    """An option: each property is evaluated when it is read.  `value` is the set that describes the option.

    >>> import snowsnake
    >>> option = Option(snowsnake.evaluate('{ _type = "option"; loc = [ "web" "port" ]; default = throw "not looked at"; }'), ())
    >>> option.name, option.loc
    ('web.port', ['web', 'port'])
    """

    __slots__ = ("value", "path")

    def __init__(self, value: Value, path: tuple[str, ...]) -> None:
        an_instance("the value of an option", value, Value)
        an_instance("the path of an option", path, tuple)
        self.value = value
        self.path = path

    @property
    def loc(self) -> list[str]:
        """Its place in the configuration; parts such as `<name>` mean any name."""
        found = self.value.get("loc")
        return list(self.path) if found is None else [str(part) for part in found]

    @property
    def name(self) -> str:
        """`services.web."a b"`: the place as Nix code, in which `<name>` and `*` are not quoted."""
        return ".".join(part if part == "*" or part[:1] + part[-1:] == "<>" else name_text(part) for part in self.loc)

    @property
    def description(self) -> str | None:
        """The description in Markdown; None if the option has none."""
        found = self.value.get("description")
        if found is None or found.type == "null":
            return None
        return str(found["text"]) if found.type == "set" else str(found)

    @property
    def type(self) -> str:
        """A description of its type, that is, of the values that it accepts."""
        found = self.value.get("type")
        return "unspecified" if found is None or "description" not in found else str(found["description"])

    @property
    def default(self) -> str | None:
        """The default as Nix text, in the words of `defaultText` if the option has that; None without a default.

        Raises the error of a default that cannot be evaluated.
        """
        return self._shown("defaultText") if "defaultText" in self.value else self._shown("default")

    @property
    def example(self) -> str | None:
        """An example as Nix text; None if the option has none."""
        return self._shown("example")

    @property
    def declarations(self) -> list[str]:
        """The files that declare it."""
        return [str(file) for file in self.value.get("declarations", ())]

    @property
    def is_internal(self) -> bool:
        """Whether only modules are meant to set it, not users."""
        return bool(self.value.get("internal", False))

    @property
    def is_visible(self) -> bool:
        """Whether manuals show it; `visible = "shallow"` hides only its sub-options."""
        return bool(self.value.get("visible", True))

    @property
    def is_read_only(self) -> bool:
        """Whether it may be set only once."""
        return bool(self.value.get("readOnly", False))

    def sub_options(self) -> Value | None:
        """The options of a submodule, or of the elements of a list or set of them; None if there are none."""
        if _is_text(self.value.get("visible"), "shallow"):
            return None
        kind = self.value.get("type")
        if kind is None or "getSubOptions" not in kind:
            return None
        found = kind["getSubOptions"](self.loc)
        return found if len(found) else None

    def _shown(self, name: str) -> str | None:
        found = self.value.get(name)
        if found is None:
            return None
        if found.type == "set" and "_type" in found and "text" in found:
            return str(found["text"])
        return str(found.force(deep=True).to_nix())

    def document(self) -> "OptionDoc":
        """All properties, evaluated, as plain data."""
        return OptionDoc(
            self.name, self.loc, self.type, self.description, self.default, self.example, self.declarations,
            self.is_read_only, self.is_internal, self.is_visible,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Option {'.'.join(self.path)}>"


@dataclass
class OptionDoc(Whole):
    """What manuals say about an option; `default` and `example` are Nix text.

    >>> OptionDoc("web.port", type="int", default="80").visible
    True
    """

    name: str
    loc: list[str] = field(default_factory=list)
    type: str = "unspecified"
    description: str | None = None
    default: str | None = None
    example: str | None = None
    declarations: list[str] = field(default_factory=list)
    read_only: bool = False
    internal: bool = False
    visible: bool = True


def walk(
    options: Value, *, sub_options: bool = True, hidden: bool = True, on_fault: "Callable[[tuple[str, ...], EvaluationError], object] | None" = None
) -> Iterator[Option]:
    """Iterates over the options below a set, in the order of their names; the options of a submodule follow the option that has them.

    The walk evaluates what it needs to find them: sets, `_type`, and (for `sub_options`) types.  `hidden`: include internal and invisible
    options.  If a part cannot be evaluated, `on_fault(path, error)` is called and the walk goes on; without `on_fault` the error is raised.
    TypeError unless `options` is a `Value`; `LimitReached` where sets nest more than 500 levels deep.

    >>> import snowsnake
    >>> port = snowsnake.evaluate('{ web.port = { _type = "option"; loc = [ "web" "port" ]; default = 80; description = "A port."; type = { description = "int"; }; }; }')
    >>> [option.name for option in walk(port)]
    ['web.port']
    """
    if not isinstance(options, Value):
        raise TypeError(f"options are a Value: the attribute `options` of an evaluated configuration, not {type(options).__name__}")
    pending: list[tuple[Value, tuple[str, ...]]] = [(options, ())]
    while pending:
        value, path = pending.pop()
        found: Option | None = None
        inner: list[tuple[Value, tuple[str, ...]]] = []
        try:
            if len(path) > DEEPEST:
                raise EvaluationError("depth", f"options nest more than {DEEPEST} levels deep: '{'.'.join(path[:4])}.…'")
            if value.type != "set":
                continue
            if _is_text(value.get("_type"), "option"):
                found = Option(value, path)
                is_shown = hidden or found.is_visible and not found.is_internal
                found = found if is_shown else None
                below = Option(value, path).sub_options() if sub_options and is_shown else None
                inner = [(below, path)] if below is not None else []
            else:
                inner = [(value[name], (*path, name)) for name in value]
        except EvaluationError as error:
            if on_fault is None or error.code in _TRANSIENT:
                raise
            on_fault(path, error)
        if found is not None:
            yield found
        pending.extend(reversed(inner))


def document(options: Value, *, hidden: bool = False, sub_options: bool = True) -> list[OptionDoc]:
    """The options that manuals show, sorted by name; with `hidden`, all options.  Evaluates descriptions, types, defaults and examples, and no values.

    >>> import snowsnake
    >>> port = snowsnake.evaluate('{ web.port = { _type = "option"; loc = [ "web" "port" ]; default = 80; description = "A port."; type = { description = "int"; }; }; }')
    >>> [(option.name, option.type, option.default) for option in document(port)]
    [('web.port', 'int', '80')]
    """
    found = [option.document() for option in walk(options, sub_options=sub_options, hidden=hidden)]
    return sorted(found, key=lambda option: option.loc)


def decode(options: Value, target: "type[T]", *, hidden: bool = False, sub_options: bool = True) -> dict[str, T]:
    """The options by name, each as an object of a type (`Value.decode`).  Only the fields that the type names are evaluated.

    The fields are those of the module system: `loc`, `description`, `type`, `default`, `example`, `declarations`, `internal`, `readOnly`, `value`.

    >>> import snowsnake, dataclasses
    >>> @dataclasses.dataclass
    ... class Port:
    ...     default: int
    ...     description: str = ""
    >>> decode(snowsnake.evaluate('{ a.port = { _type = "option"; default = 1; type = throw "no"; }; }'), Port, sub_options=False)
    {'a.port': Port(default=1, description='')}
    """
    return {option.name: option.value.decode(target) for option in walk(options, sub_options=sub_options, hidden=hidden)}


def to_json(options: Value, *, hidden: bool = False) -> str:
    """The text of `options.json`: an object for each option by name, as `nixosOptionsDoc` writes it and nixos-render-docs reads it.

    >>> import snowsnake
    >>> port = snowsnake.evaluate('{ web.port = { _type = "option"; loc = [ "web" "port" ]; default = 80; description = "A port."; type = { description = "int"; }; }; }')
    >>> json.loads(to_json(port))["web.port"]["default"]
    {'_type': 'literalExpression', 'text': '80'}
    """
    rows = {}
    for option in document(options, hidden=hidden):
        row: dict[str, object] = {"declarations": option.declarations, "description": option.description, "loc": option.loc,
                               "readOnly": option.read_only, "type": option.type}  # fmt: skip
        for name in ("default", "example"):
            text = getattr(option, name)
            if text is not None:
                row[name] = {"_type": "literalExpression", "text": text}
        rows[option.name] = row
    return json.dumps(rows, ensure_ascii=False, sort_keys=True)


def to_markdown(options: Value, *, hidden: bool = False, level: int = 2) -> str:
    """A page with a heading for each option, its description, type, default, example, and the files that declare it.

    >>> import snowsnake
    >>> port = snowsnake.evaluate('{ web.port = { _type = "option"; loc = [ "web" "port" ]; default = 80; description = "A port."; type = { description = "int"; }; }; }')
    >>> print(to_markdown(port).splitlines()[0])
    ## web.port
    """
    parts = []
    for option in document(options, hidden=hidden):
        parts.append(f"{'#' * level} {_escaped(option.name)}\n\n{(option.description or '').strip()}\n")
        parts.append(f"*Type:* {option.type}{' *(read only)*' if option.read_only else ''}\n")
        for title, text in (("Default", option.default), ("Example", option.example)):
            if text is not None:
                parts.append(f"*{title}:* `{text}`\n" if "\n" not in text and "`" not in text else f"*{title}:*\n\n~~~nix\n{text}\n~~~\n")
        if option.declarations:
            parts.append("*Declared in:* " + ", ".join(f"`{file}`" for file in option.declarations) + "\n")
    return "\n".join(parts)


def _is_text(value: Value | None, text: str) -> bool:
    return value is not None and value.type == "string" and str(value) == text


def _escaped(name: str) -> str:
    return "".join("\\" + letter if letter in "*_<>`[]#" else letter for letter in name)
