"""The result of evaluating one attribute path: a job, an error, or a set with further paths."""

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field

# `json.dumps` with options makes an encoder for each line, which takes a third of its time.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
Path = tuple[str, ...]
# A question has the kind, the name, the state and the value of a `Dependency`.
Question = tuple[str, str, str, Any]


@dataclass
class Reply:
    """What is at a path: a set with further paths, a job, or an error.

    `attrs`: the names below a value that is not a derivation; None for a job or an error, which `fields` describe.  `report`: the error as it is shown
    on the terminal, if that text differs.  `cause`: what the error has in common with other failures.  `is_broken`: the evaluation ended a worker,
    or would have ended a worker of C++ Nix: the run goes on, but does not count as a success.  `is_fleeting`: the reply says something that is not
    part of the record, so it may be different in the next run.
    """

    path: Path
    attrs: list[str] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    report: str = ""
    cause: str = ""
    is_broken: bool = False
    is_fleeting: bool = False

    @property
    def error(self) -> str | None:
        return self.fields.get("error")

    @property
    def system(self) -> str | None:
        """The system of a job without an error; None for anything else."""
        return None if self.attrs is not None or "error" in self.fields else str(self.fields.get("system", ""))

    @property
    def shown_cause(self) -> str:
        """The cause that a table of failures shows for this error."""
        return self.cause or (self.error or "").rpartition("error: ")[2].split("\n")[0]

    @property
    def line(self) -> str:
        """The job as a line of JSON, without its newline."""
        return json_line(self.fields)

    @property
    def brief(self) -> "Brief | Reply":
        """The form in which a worker sends this reply: most are jobs without an error, and their line says everything."""
        system = self.system
        if system is None or self.is_fleeting or self.is_broken:
            return self
        line = self.line
        # A line has "?" for bytes of a name that are not UTF-8.
        return (self.path, system, line) if line.isascii() else self


class PrintedReply(Reply):
    """A reply whose line is known; it is parsed only if a field is asked for."""

    def __init__(self, path: Path, attrs: list[str] | None, report: str, cause: str, system: str | None, line: str) -> None:
        self.path, self.attrs, self.report, self.cause, self.is_broken = path, attrs, report, cause, False
        self.is_fleeting = False
        self._system, self._line = system, line
        self._fields: dict[str, object] | None = None

    @property
    def fields(self) -> dict[str, Any]:                # type: ignore[override]
        if self._fields is None:
            self._fields = json.loads(self._line)
        return self._fields

    @property
    def system(self) -> str | None:
        return self._system

    @property
    def error(self) -> str | None:
        return None if self._system is not None or self.attrs is not None else self.fields.get("error")

    @property
    def line(self) -> str:
        return self._line


# The path, the system and the line of a job without an error.
Brief = tuple[Path, str, str]


def printed(job: Brief) -> PrintedReply:
    """The reply whose `brief` form this is."""
    path, system, line = job
    return PrintedReply(path, None, "", "", system, line)


@dataclass
class Group:
    """The replies of one worker, and the questions that it asked, in order, without those that had been asked before it was forked.

    `asked`: for each reply, the number of questions that had been asked before it was ready.  `stamps`: as `Dependencies.stamps`.
    """

    replies: list[Reply]
    questions: list[Question]
    asked: list[int]
    stamps: dict[str, str] = field(default_factory=dict)


def json_line(fields: dict[str, object]) -> str:
    """JSON in the form of nix-eval-jobs: sorted names, no blanks, only necessary escapes.

    >>> json_line({"name": "x", "attr": "é", "outputs": {"out": None}})
    '{"attr":"é","name":"x","outputs":{"out":null}}'
    """
    text = _ENCODER.encode(fields)
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def job_line(path: Path, name: str, outputs: dict[str, str | None], drv_path: str, system: str) -> str:
    """As `json_line` of a job that has these fields and no others, in a third of the time.  The paths are of a store, so nothing in them is escaped.

    >>> job_line(("a", "b"), "x-1", {"out": "/nix/store/…-x-1", "dev": None}, "/nix/store/…-x-1.drv", "any")
    '{"attr":"a.b","attrPath":["a","b"],"drvPath":"/nix/store/…-x-1.drv","name":"x-1","outputs":{"dev":null,"out":"/nix/store/…-x-1"},"system":"any"}'
    """
    quote = encode_basestring
    named_outputs = [f'{quote(output)}:"{outputs[output]}"' if outputs[output] is not None else f"{quote(output)}:null" for output in sorted(outputs)]
    text = (
        f'{{"attr":{quote(joined(path))},"attrPath":[{",".join(map(quote, path))}],"drvPath":"{drv_path}","name":{quote(name)},'
        f'"outputs":{{{",".join(named_outputs)}}},"system":{quote(system)}}}'
    )
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def named(path: Path) -> dict[str, Any]:
    """The fields that every reply has.

    >>> named(("a", "b"))
    {'attr': 'a.b', 'attrPath': ['a', 'b']}
    """
    return {"attr": joined(path), "attrPath": list(path)}


def failed(path: Path, error: str, *, is_broken: bool = False) -> Reply:
    """The reply to a path that could not be evaluated: an error."""
    return Reply(path, fields={**named(path), "error": error}, is_broken=is_broken)


def worker_of(path: Path) -> str:
    """The beginning of an error about a worker, in nix-eval-jobs' words."""
    return f"while reading result for attrPath '{'.'.join(path)}', evaluation worker"


def joined(path: Path) -> str:
    """A path as one text; only names with dots are quoted.

    >>> joined(("a", "b.c"))
    'a."b.c"'
    """
    text = ""
    for name in path:
        part = f'"{name}"' if "." in name else name
        text = f"{text}.{part}" if text else part
    return text
