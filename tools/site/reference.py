"""The reference, made from the code: docstrings and signatures, tables of commands, settings and counters.  Name → Markdown."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "src"))

FACES = {
    "snowsnake": "evaluators, values, errors",
    "snowsnake.syntax": "trees, visitors, edits",
    "snowsnake.bytecode": "chunks and operations",
    "snowsnake.options": "options of the module system",
    "snowsnake.flake": "flakes and lock files",
    "snowsnake.store": "hashes, store paths, archives, derivations, stores",
}
ORDER = (*(f"api-{name.rpartition('.')[2]}" for name in FACES), "commands", "commands-nix", "settings", "statistics")
_SPECIAL = ("__call__", "__getitem__", "__iter__", "__len__", "__eq__", "__bool__", "__str__")


def pages() -> dict[str, str]:
    """All pages by name."""
    found = {f"api-{name.rpartition('.')[2]}": api_page(name) for name in FACES}
    found |= {"index": index_page(), "commands": commands_page(), "commands-nix": nix_page(), "settings": settings_page(), "statistics": statistics_page()}
    return found


def index_page() -> str:
    lines = ["# Reference\n", "All of it is made from the code: docstrings, stubs, tables.\n", "| page | what |", "|--|--|"]
    lines += [f"| [`{name}`](api-{name.rpartition('.')[2]}.md) | {what} |" for name, what in FACES.items()]
    lines += [
        "| [Commands](commands.md) | `snowsnake …`, their options |",
        "| [Commands of Nix](commands-nix.md) | `snowsnake-nix …` in the place of `nix …` |",
        "| [Builtins](../builtins.md) | what is forced, cost, examples |",
        "| [Errors](../errors.md) | codes and classes |",
        "| [Settings](settings.md) | names of nix.conf, and what is done with them |",
        "| [Statistics](statistics.md) | what is counted |",
        "| [Bytecode](../bytecode.md) | the operations |",
        "| [What stays as it is](../stability.md) | what a version promises |",
    ]
    return "\n".join(lines) + "\n"


# ---- the API ----------------------------------------------------------------------------------------------------


def api_page(name: str) -> str:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None) or [key for key, value in vars(module).items() if not key.startswith("_") and getattr(value, "__module__", "") == name]
    values = [(key, getattr(module, key)) for key in names if not key.startswith("__")]
    kinds = {key: value for key, value in values if inspect.isclass(value) and issubclass(value, Exception)}
    classes = {key: value for key, value in values if inspect.isclass(value) and key not in kinds}
    functions = {key: value for key, value in values if inspect.isroutine(value)}
    lines = [f"# {name}\n", markdown(inspect.getdoc(module) or ""), ""]
    for title, group, entry in (("Functions", functions, function_lines), ("Classes", classes, class_lines), ("Errors", kinds, error_lines)):
        if group:
            lines += [f"## {title}\n"]
            for key in sorted(group):
                lines += entry(key, group[key])
    others = [(key, value) for key, value in values if key not in kinds and key not in classes and key not in functions]
    if others:
        lines += ["## Data\n", *(f"* `{key}`: {type(value).__name__}" for key, value in others)]
    return "\n".join(lines) + "\n"


def function_lines(name: str, function: object, level: int = 3) -> list[str]:
    return [f"{'#' * level} {_shown(name)}\n", f"```python\n{signature(name.rpartition('.')[2], function)}\n```\n", markdown(inspect.getdoc(function) or ""), ""]


def class_lines(name: str, kind: type) -> list[str]:
    lines = [f"### {name}\n", f"```python\nclass {signature(name, kind)}\n```\n", markdown(inspect.getdoc(kind) or ""), ""]
    for key, member in members(kind):
        static = inspect.getattr_static(kind, key)
        if isinstance(static, property):
            lines += [f"#### {name}.{key}\n", markdown(inspect.getdoc(static) or "") or "A property.", ""]
        elif callable(member):
            lines += function_lines(f"{name}.{key}", member, level=4)
    return lines


def members(kind: type) -> list[tuple[str, object]]:
    """Public members that the class, or one of our classes below it, defines."""
    found = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("snowsnake"):
            found |= {key: getattr(kind, key) for key in vars(base) if not key.startswith("_") or key in _SPECIAL and inspect.getdoc(vars(base)[key])}
    return list(found.items())


def error_lines(name: str, kind: type) -> list[str]:
    bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
    lines = [f"### {name}\n", f"A {bases}. {markdown(inspect.getdoc(kind) or '')}", ""]
    if name == "EvaluationError":
        for key, member in members(kind):
            static = inspect.getattr_static(kind, key)
            lines += [f"#### {name}.{key}\n", markdown(inspect.getdoc(static) or ""), ""] if isinstance(static, property) else function_lines(f"{name}.{key}", member, 4)
    return lines


def signature(name: str, function: object) -> str:
    """`name(parameters) -> result`, a parameter a line if it is long."""
    try:
        found = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return f"{name}(…)"
    parameters = [parameter for parameter in found.parameters.values() if parameter.name not in ("self", "cls")]
    text = re.sub(r"'([^']*)'", r"\1", f"{name}{found.replace(parameters=parameters)}")
    text = text.replace("snowsnake.values.", "").replace("collections.abc.", "").replace("typing.", "")
    if len(text) <= 90 or not parameters:
        return text
    rows, star = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            rows, star = [*rows, "    *,"], True
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        rows.append(f"    {re.sub(chr(39) + '([^' + chr(39) + ']*)' + chr(39), chr(92) + '1', str(parameter))},")
    result = "" if found.return_annotation is found.empty else f" -> {found.return_annotation}".replace("'", "")
    return "\n".join([f"{name}(", *rows, f"){result}"])


def markdown(docstring: str) -> str:
    """A docstring as Markdown: examples in blocks of their own, indented tables as they are."""
    parts = []
    for paragraph in docstring.split("\n\n"):
        first = paragraph.split("\n", 1)[0].strip()
        if first.startswith(">>>"):
            parts.append("```pycon\n" + inspect.cleandoc(paragraph).replace("<BLANKLINE>", "") + "\n```")
        elif ">>>" in paragraph:
            before, _, rest = paragraph.partition("\n>>>")
            parts += [_prose(before), "```pycon\n>>>" + rest.replace("<BLANKLINE>", "") + "\n```"]
        else:
            parts.append(paragraph if paragraph.startswith("    ") else _prose(paragraph))
    return "\n\n".join(parts)


def _prose(text: str) -> str:
    """A text in which, outside of code, `<` begins no element and `[` begins no link."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else piece.replace("<", "&lt;").replace("[", "\\[") for piece in pieces)


def _shown(name: str) -> str:
    return name.replace("__", "\\_\\_")


# ---- commands, settings, counters ------------------------------------------------------------------------------


def option_rows(options: object) -> list[str]:
    """A table of options."""
    lines = ["| option | |", "|--|--|"]
    for option in options:  # type: ignore[attr-defined]
        names = ", ".join(f"`{' '.join([name, *option.values])}`" for name in option.names)
        lines.append(f"| {names} | {_cell(option.help)} |")
    return lines if len(lines) > 2 else []


def _cell(text: str) -> str:
    return _prose(" ".join(text.split())).replace("|", "\\|")


def commands_page() -> str:
    from snowsnake.cli.links import DROP_INS
    from snowsnake.cli.main import COMMANDS

    lines = ["# Commands\n", "Each takes `--help`. The drop-ins for Nix's own commands take Nix's options: see [Differences](../differences.md).\n"]
    for name, (module_name, summary) in COMMANDS.items():
        module = None if module_name.startswith("nix") else importlib.import_module(module_name)
        lines += [f"## snowsnake {name}\n", _prose(summary[0].upper() + summary[1:]) + ".\n"]
        if hasattr(module, "USAGE"):
            lines += [f"```text\n{module.USAGE}\n```\n", _prose(module.SUMMARY) + "\n", *option_rows(module.OPTIONS), ""]
        else:
            lines += [f"As `{module_name}`" + (": [Commands of Nix](commands-nix.md).\n" if module_name.startswith("nix ") else ".\n")]
    lines += ["## In the place of Nix's commands\n"]
    for program in sorted(set(DROP_INS.values())):
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run([Path(sys.executable).parent / program, "--help"], capture_output=True, text=True, timeout=60, env=environment)
        lines += [f"### {program}\n", f"```text\n{done.stdout.strip()}\n```\n"]
    return "\n".join(lines) + "\n"


def nix_page() -> str:
    from snowsnake.cli.nix.main import usage
    from snowsnake.cli.nix.options import GLOBAL
    from snowsnake.cli.nix.table import ROWS

    lines = ["# Commands of Nix\n", "`snowsnake-nix` is `nix` of 2.34. Commands that it does not carry out are handed to an installed Nix, or refused by name.\n"]
    lines += ["## Options of every command\n", *option_rows(GLOBAL), ""]
    for row in ROWS:
        lines.append(f"## nix {row.name}\n")
        if row.runner:
            lines += [_prose(row.summary[0].upper() + row.summary[1:]) + ".\n", f"```text\n{usage(row)}\n```\n", *option_rows(row.options), ""]
        else:
            lines.append(_prose(row.summary) + " *Not ours: handed on.*\n")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    from snowsnake.settings.table import ROWS

    lines = [
        "# Settings\n",
        "Names of `nix.conf`; also `--option NAME VALUE`, `NIX_CONFIG` and `Evaluator(settings={…})`. *Carried out*: `yes`; `elsewhere`, for what concerns "
        "things that we do not do; `no`, which is told once to whoever sets it.\n",
        "| setting | type | default | since | carried out | |",
        "|--|--|--|--|--|--|",
    ]
    for name, aliases, kind, default, feature, since, done, text in ROWS:
        shown = "*depends*" if default is ... else f"`{default}`" if default not in ("", ()) else ""
        also = f" (also {', '.join(f'`{alias}`' for alias in aliases.split())})" if aliases else ""
        needs = f" Needs `{feature}`." if feature else ""
        lines.append(f"| `{name}`{also} | {kind} | {shown} | {since} | {done} | {_cell(text)}{needs} |")
    return "\n".join(lines) + "\n"


def statistics_page() -> str:
    from snowsnake import Evaluator
    from snowsnake.observe.meanings import COUNTERS, SHOWN

    lines = ["# Statistics\n", "## Evaluator.statistics()\n", "| name | what |", "|--|--|"]
    lines += [f"| `{name}` | {COUNTERS[name]} |" for name in Evaluator().statistics()]
    lines += ["\n## --stats and NIX_SHOW_STATS\n", "JSON, under C++ Nix's names where they mean the same.\n", "| name | what |", "|--|--|"]
    lines += [f"| `{name}` | {text} |" for name, text in SHOWN.items()]
    return "\n".join(lines) + "\n"
