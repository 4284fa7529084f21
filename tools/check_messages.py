"""No code decides anything by the words of a message: checks the package for places that look into one.

usage: python tools/check_messages.py [FOLDER]        (default: src/snowsnake); exit code 1 and a line for each fault

An error has a code, a kind and fields (machine/state.pxd, EvaluationError.fault); a line of a trace has a kind (diagnostics/notes.py); the
places in a source are asked of its tree (syntax/ancestors.pyx).  Whoever looks into a message, or into the user's source, breaks when a
message gets better, or when a comment holds the wrong word.  EXCUSED lists what may, with the reason; an entry that nothing needs is a fault.
"""

import re
import sys
from pathlib import Path

MESSAGE = r"(?:[\w.\[\]()-]*\b(?:message|error_text)\b|str\((?:error|fault|failure|cause|reason|exception|problem)\))"
LOOKING = {
    "asks what a message begins or ends with": re.compile(rf"{MESSAGE}\.(?:startswith|endswith|removeprefix|removesuffix|find|index|partition)\("),
    "looks for words in a message": re.compile(rf"[\"'] (?:not )?in {MESSAGE}|\bmem(?:cmp|mem)\([\w.\->]*message\b|\bstr(?:n?cmp|str)\([\w.\->]*message\b"),
    "matches a message with a pattern": re.compile(rf"\b\w+\.(?:search|match|fullmatch|sub|findall)\((?:[^()]*, *)?{MESSAGE}"),
    "compares with the words of a message": re.compile(r"(?:[=!]=|\.startswith\() *\(?f?[\"'](?:while|in the|cannot|error|warning:?|expected|undefined) [^\"']*[\"']"),
    "searches the user's source": re.compile(r"\bsource\.(?:r?find|r?index)\("),
}
EXCUSED = {
    "cli/job_lines.py": "the report of a worker that ended is a line of nix-eval-jobs",
    "documentation.py": "the comment before a function is text: what a comment says is wanted",
    "fetch/archive.py": "what tarfile says has no better place than its words",
    "fetch/http.py": "what OpenSSL says has no better place than its words",
    "jobs/evaluation.py": "errors are counted by what they have in common: the words outside quotes",
    "machine/unwind.pyx": "two failures are the same if all that is known of them is equal, the message too",
    "source.py": "it finds where lines end",
}
DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.|#)")


def faults(text: str) -> list[tuple[int, str]]:
    """(line, what it does) for each place.

    >>> faults("if error.message.startswith('cannot'):")
    [(1, 'asks what a message begins or ends with')]
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
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
