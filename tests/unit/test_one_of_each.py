"""The code has one loop that probes a table, one merge sort and one class of each name; and functions stay short.

The lists of exceptions only shrink: an entry that is not needed any more fails as well.
"""

import ast
import collections
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/snowsnake"
PROBING = re.compile(r"\b(\w+) = \(\1 \+ 1\) & ")
# The index of the pack may be damaged: those loops count their steps (cache/layout.pxd).
PROBES_BY_HAND = {"cache/pack.pyx", "cache/writing.pyx", "foundation/probing.pxd"}
CLASS = re.compile(r"^(?:cdef )?(?:class|struct|union|enum) ([A-Z]\w+)", re.MULTILINE)

# A function has at most so many lines, its head included.
MOST_LINES = 60
MOST_LINES_OF_A_FILE = 600
# These are longer, and say why.
LONG = {
    "src/snowsnake/api.py __init__": "one line for each parameter in the head, and one for each option",
    "src/snowsnake/machine/loop.pyx run": "the loop over operations: its registers are local variables",
    "src/snowsnake/machine/short_calls.pyx short_call": "a loop over operations: its registers are local variables",
    "tests/differential/flakes/scenarios.py _evaluation": "a list of scenarios",
    "tests/differential/flakes/scenarios.py _locks": "a list of scenarios",
    "tests/differential/flakes/scenarios.py _shows": "a list of scenarios",
}
HEAD = re.compile(r"( *)(?:async def|def|c(?:p?)def(?! class)) [^=(]*?(\w+)\(")

IMPORT = re.compile(r"^[ \t]*from [\w.]+ c?import (\([^)]*\)|[^\n]+)", re.MULTILINE)
DECLARATION = re.compile(r"^ +cdef (?!class|extern|enum|struct|inline)([^\n]+)$", re.MULTILINE)

# Functions that import a public name when it is first used: each is in the first module of a library, which may import nothing else.
COPIED = {frozenset({"src/snowsnake/fetch/__init__.py __getattr__", "src/snowsnake/store/__init__.py __getattr__"})}

# A shared module would cost each start more than the duplicate.
TABLES_TWICE = {frozenset({"host/options.py _ARCHITECTURES", "settings/defaults.py _ARCHITECTURES"})}

# foundation/digits.py reads whole numbers from text.  The settings of a nix.conf are read at each start, which imports nothing more for them;
# nobody calculates with the digits in names of Python, of `/proc` and of parts of paths.
DIGITS = re.compile(r"\.is(?:digit|decimal|numeric)\(")
DIGITS_BY_HAND = {"foundation/digits.py", "settings/kinds.py", "cli/options.py", "cli/jobs.py"}


def sources(*endings: str) -> list[Path]:
    return sorted(path for ending in endings for path in PACKAGE.rglob(f"*{ending}"))


def test_tables_are_probed_in_one_place() -> None:
    found = {str(path.relative_to(PACKAGE)) for path in sources(".pyx", ".pxd") if PROBING.search(path.read_text(encoding="utf-8"))}
    assert found == PROBES_BY_HAND


def test_two_things_share_no_name() -> None:
    """A name of a compiled class, struct or enum belongs to one module (a `.pyx` and its `.pxd` are one)."""
    homes = collections.defaultdict(set)
    for path in sources(".pyx", ".pxd"):
        for name in CLASS.findall(path.read_text(encoding="utf-8")):
            homes[name].add(path.relative_to(PACKAGE).with_suffix(""))
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_two_classes_of_python_share_no_name() -> None:
    """A class belongs to one module."""
    homes = collections.defaultdict(set)
    for path in sources(".py"):
        for name in CLASS.findall(path.read_text(encoding="utf-8")):
            homes[name].add(str(path.relative_to(PACKAGE)))
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def functions_of_python(text: str) -> Iterator[tuple[str, int]]:
    """The name and the number of lines of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def functions_of_cython(text: str) -> Iterator[tuple[str, int]]:
    """The same, told by the indentation."""
    for name, _, lines in parts_of_cython(text):
        yield name, len(lines)


def parts_of_cython(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """The name of each function, the number of lines of its head, and its lines."""
    lines = text.split("\n")
    for first, line in enumerate(lines):
        head = HEAD.match(line)
        if head is None:
            continue
        last = first
        while last < len(lines) - 1 and sum(map(open_brackets, lines[first : last + 1])):
            last += 1
        if not lines[last].rstrip().endswith(":"):
            # The line is a declaration.
            continue
        end = last
        for number in range(last + 1, len(lines)):
            if lines[number].strip():
                if not lines[number].startswith(head[1] + " "):
                    break
                end = number
        yield head[2], last - first + 1, lines[first : end + 1]


def open_brackets(line: str) -> int:
    """How many more brackets a line opens than it closes."""
    return line.count("(") - line.count(")")


def test_what_compiled_code_imports_is_used() -> None:
    """A `.pyx` and its `.pxd` are one module."""
    unused = []
    for path in sources(".pyx", ".pxd"):
        text = path.read_text(encoding="utf-8")
        others = (path.with_suffix(ending) for ending in (".pyx", ".pxd") if ending != path.suffix)
        code = IMPORT.sub("", text) + "".join(IMPORT.sub("", other.read_text(encoding="utf-8")) for other in others if other.exists())
        words = set(re.findall(r"\w+", re.sub(r"#(?!include).*", "", code)))
        for match in IMPORT.finditer(re.sub(r"#.*", "", text)):
            names = [part.split(" as ")[-1].strip() for part in match[1].strip("()").split(",")]
            unused += [f"{path.relative_to(PACKAGE)} {name}" for name in names if name and name not in words]
    assert unused == []


def test_what_compiled_functions_declare_is_used() -> None:
    unused = []
    for path in sources(".pyx", ".pxd"):
        for function, head, lines in parts_of_cython(path.read_text(encoding="utf-8")):
            words = collections.Counter(re.findall(r"(?<!\.)\b\w+", "\n".join(lines[head:])))
            for declared in DECLARATION.findall("\n".join(lines[head:])):
                while declared != (declared := re.sub(r"\[[^][]*\]|\([^()]*\)", "", declared)):
                    pass
                for part in declared.split(","):
                    name = re.findall(r"\w+", part.partition("=")[0])[-1:]
                    unused += [f"{path.relative_to(PACKAGE)} {function} {word}" for word in name if words[word] == 1]
    assert unused == []


def test_functions_are_short() -> None:
    long: set[str] = set()
    for folder in ("src", "tools", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            functions = {".py": functions_of_python, ".pyx": functions_of_cython, ".pxd": functions_of_cython}.get(path.suffix)
            if functions is not None:
                name = path.relative_to(ROOT)
                long |= {f"{name} {function}" for function, lines in functions(path.read_text(encoding="utf-8")) if lines > MOST_LINES}
    assert long == set(LONG)


def test_functions_are_not_copied() -> None:
    """No two functions of Python have the same body of three lines or more."""
    homes = collections.defaultdict(list)
    for folder in ("src", "tools", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    body = node.body[ast.get_docstring(node) is not None :]
                    if body and (body[-1].end_lineno or 0) - body[0].lineno >= 2:
                        homes[tuple(map(ast.dump, body))].append(f"{path.relative_to(ROOT)} {node.name}")
    copied = {frozenset(names) for names in homes.values() if len(names) > 1}
    assert copied == COPIED


def test_names_of_tests_say_what_is_tested() -> None:
    """One word or two do not."""
    short = [
        f"{path.relative_to(ROOT)} {name}"
        for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"^ *def (test_[a-z0-9]+(?:_[a-z0-9]+)?)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]  # fmt: skip
    assert short == []


def test_tables_have_one_home() -> None:
    """No constant of two modules is the same collection of two or more numbers or texts."""
    homes = collections.defaultdict(set)
    for path in sources(".py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            value = node.value if isinstance(node, ast.Assign) else None
            if isinstance(value, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.Call):
                if sum(isinstance(part, ast.Constant) for part in ast.walk(value)) > 1:
                    homes[ast.dump(value)].add(f"{path.relative_to(PACKAGE)} {ast.unparse(node.targets[0])}")
    twice = {frozenset(names) for names in homes.values() if len({name.partition(" ")[0] for name in names}) > 1}
    assert twice == TABLES_TWICE


def test_long_files_say_why() -> None:
    """A file of more than 600 lines has the reason in its head."""
    silent = []
    for folder in ("src", "tools", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".pyx", ".pxd"):
                lines = path.read_text(encoding="utf-8").splitlines()
                if len(lines) > MOST_LINES_OF_A_FILE and "GENERATED" not in lines[0] and not any(line.startswith("Over 600 lines") for line in lines[:30]):
                    silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_whole_numbers_of_users_are_read_in_one_place() -> None:
    rooms = ("cli", "settings", "flake", "lock", "foundation")
    found = {str(path.relative_to(PACKAGE)) for room in rooms for path in (PACKAGE / room).rglob("*.py") if DIGITS.search(path.read_text(encoding="utf-8"))}
    assert found == DIGITS_BY_HAND
