"""Checks that messages are worded once, and that no code decides anything by their words.

usage: python tools/check_messages.py [FOLDER]        (default: src/snowsnake); exit code 1 and a line for each fault

An error has a code, a kind and fields (machine/state.pxd, EvaluationError.fault); a line of a trace has a kind (diagnostics/notes.py); the
tree of a source has its places (syntax/ancestors.pyx).  Code that looks into a message, or into the user's source, breaks when the
message is improved, or when a comment has the wrong word.  EXCUSED lists the files that may, with the reason; an entry that no file needs is a fault.

The messages of compiled code are rows of diagnostics/messages.py.  A format with words anywhere else is a fault (WORDING lists the exceptions), and so
are a row that nobody raises, and a call of `worded` with other fields than its row has.
"""

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The table is read without the package, which may not be built; its folder may not be on sys.path, because it has a module `html`.
MESSAGES = runpy.run_path(str(ROOT / "src/snowsnake/diagnostics/messages.py"))["MESSAGES"]

MESSAGE = r"(?:[\w.\[\]()-]*\b(?:message|error_text)\b|str\((?:error|fault|failure|cause|reason|exception|problem)\))"
LOOKING = {
    "asks what a message begins or ends with": re.compile(rf"{MESSAGE}\.(?:startswith|endswith|removeprefix|removesuffix|find|index|partition)\("),
    "compares a message with words": re.compile(rf"{MESSAGE} *[=!]= *[bf]?[\"']"),
    "looks for words in a message": re.compile(rf"[\"'] (?:not )?in {MESSAGE}|\bmem(?:cmp|mem)\([\w.\->]*message\b|\bstr(?:n?cmp|str)\([\w.\->]*message\b"),
    "matches a message with a pattern": re.compile(rf"\b\w+\.(?:search|match|fullmatch|sub|findall)\((?:[^()]*, *)?{MESSAGE}"),
    "compares with the words of a message": re.compile(r"(?:[=!]=|\.startswith\() *\(?f?[\"'](?:while|in the|cannot|error|warning:?|expected|undefined) [^\"']*[\"']"),
    "searches the user's source": re.compile(r"\bsource\.(?:r?find|r?index)\("),
}
EXCUSED = {
    "cli/job_lines.py": "the report of a worker that ended is a line of nix-eval-jobs",
    "fetch/archive.py": "what tarfile says has no better place than its words",
    "fetch/curl_faults.py": "what OpenSSL says has no better place than its words",
    "jobs/evaluation.py": "errors are counted by what they have in common: the words outside quotes",
    "machine/unwind.pyx": "two failures are the same if all that is known of them is equal, the message too",
    "source.py": "it finds where lines end",
}
# From a file to the reason why it words messages that are not rows of the table.
WORDING = {
    "host/messages.pyx": "JSON lines of the log",
    "machine/descriptions.pyx": "how values look in a message",
    "machine/errors.pyx": "what is said when there is no memory to say anything else",
    "machine/importing.pyx": "the parser's message, with the place of the first definition",
    "machine/operations.pyx": "how a function is named in a message",
    "observe/calls.pyx": "lines that programs read, with the time",
    "observe/tracer.pyx": "the operations of the machine, one a line",
}
FORMAT = re.compile(r"\bformat_text\(")
WORDED = re.compile(r"\bworded\((?=MESSAGE_)")
WORD = re.compile(r"[A-Za-z]{2}")
DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.|#)")


def faults(text: str) -> list[tuple[int, str]]:
    """(line, what the code does) for each place that looks into a message or into a source.

    >>> faults("if error.message.startswith('cannot'):")
    [(1, 'asks what a message begins or ends with')]
    >>> faults("is_decoded = str(error) == 'secret key is not valid'")
    [(1, 'compares a message with words')]
    >>> faults("if 'limit' in str(error): pass")
    [(1, 'looks for words in a message')]
    >>> faults("if error.code == 'type' and tree.source.find(b'x'): pass")
    [(1, "searches the user's source")]
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not DOCTEST.match(line):
            found += [(number, what) for what, pattern in LOOKING.items() if pattern.search(line)]
    return found


def arguments_at(text: str, start: int) -> list[str]:
    """The arguments of the call whose bracket opens before *start*.

    >>> arguments_at("f(A, <int>size(x, 1), 'a, b') + 1", 2)
    ['A', '<int>size(x, 1)', "'a, b'"]
    """
    depth, quote, found, argument = 1, "", [], ""
    at = start
    while depth:
        c = text[at]
        if quote:
            if c == "\\":
                argument += c
                at += 1
                c = text[at]
            elif c == quote:
                quote = ""
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if depth == 1 and not quote and c == ",":
            found.append(argument.strip())
            argument = ""
        elif depth:
            argument += text[at]
        at += 1
    return [*found, argument.strip()]


def wording_faults(root: Path) -> list[str]:
    """A line for each format with words beside the table, each row that nobody raises, and each call that does not fit its row."""
    table = {f"MESSAGE_{message.name}": message for message in MESSAGES}
    found, excused, used = [], set(), set()
    for path in sorted(root.rglob("*.pyx")):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        for match in FORMAT.finditer(text):
            form = arguments_at(text, match.end())[0]
            if WORD.search(re.sub(r"%[.*]*(?:l*[du]|[a-zA-Z])|<[\w ]+\**>|\bb(?=[\"'])|\\u", "", form)) and form[0] in "b\"":
                if name in WORDING:
                    excused.add(name)
                else:
                    found.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: words a message: it must be a row of diagnostics/messages.py")
        used |= {word for word in re.findall(r"\bMESSAGE_\w+", text[text.find("\n\n\n") :]) if word in table}
        for match in WORDED.finditer(text):
            kind, *arguments = arguments_at(text, match.end())
            for word in re.findall(r"\bMESSAGE_\w+", kind):
                wanted = table[word].argument_count
                if len(arguments) != wanted:
                    line = text.count("\n", 0, match.start()) + 1
                    found.append(f"{path}:{line}: {word} takes {wanted} arguments, and gets {len(arguments)}")
    found += [f"diagnostics/messages.py: nobody raises {word.removeprefix('MESSAGE_')}" for word in sorted(table.keys() - used)]
    return found + [f"tools/check_messages.py: {name} is listed and words nothing" for name in sorted(set(WORDING) - excused)]


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "src/snowsnake")
    count, excused = 0, set()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".pxi")):
        name = path.relative_to(root).as_posix()
        for line, what in faults(path.read_text(encoding="utf-8")):
            if name in EXCUSED:
                excused.add(name)
                continue
            count += 1
            print(f"{path}:{line}: {what}")
    for name in sorted(set(EXCUSED) - excused) if len(sys.argv) == 1 else ():
        count += 1
        print(f"tools/check_messages.py: {name} is excused and needs no excuse")
    worded = wording_faults(root) if len(sys.argv) == 1 else []
    print(*worded, sep="\n", end="\n" if worded else "")
    return 1 if count or worded else 0


if __name__ == "__main__":
    sys.exit(main())
