"""Runs random programs and looks for crashes and for differences between levels, and between ours and C++ Nix.

    python tests/fuzz/fuzz.py --count 10000 --seed 1 [--kind programs|meanings|mixtures|libraries|enumerated|bytes] [--sources DIR] [--reference "nix repl"] [--single nix-instantiate] [--out DIR]

Every program runs at the default level, at level 0 and at level 2 (all frames kept), small ones also with a collection at every safepoint, and, with
--reference, in C++ Nix (the folder of --out must be visible to it).  Values and kinds of errors must be the same.  A worker
process does the work, so that a crash ends the worker alone and is a find.  Finds are written to the folder as NUMBER.nix with a line of explanation in
finds.txt; `--reduce FILE` makes one smaller.  The same seed makes the same programs.
"""

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# This folder comes after those of PYTHONPATH, which names the variant that is tried.
sys.path.append(str(HERE.parent.parent / "src"))

SILENCE_S = 120
STRESSED_BYTES = 500


def corpus(more: str = "") -> list[bytes]:
    paths = [path for path in sorted((HERE.parent / "lang").glob("*/in.nix")) if path.stat().st_size < 4000]
    if more:
        paths += [path for path in sorted(Path(more).glob("**/*.nix")) if path.stat().st_size < 20000]
    return [path.read_bytes() for path in paths]


def program_of(seed: int, kind: str, sources: list[bytes]) -> bytes:
    if kind == "mixtures":
        return mixture_of(seed, sources)
    from meanings import Meanings
    from mutations import mutated
    from programs import Programs

    if kind == "enumerated":
        from enumerated import enumerated

        return enumerated(seed).encode()
    if kind == "libraries":
        from libraries import Libraries

        return Libraries(seed).program().encode()
    if kind == "meanings":
        return Meanings(seed).program().encode()
    if kind == "programs":
        return Programs(seed).program().encode()
    random_ = random.Random(seed)
    source = random_.choice(sources) if random_.random() < 0.5 else Programs(seed, 20).program().encode()
    return mutated(source, sources, random_)


_pieces: list[str] = []


def mixture_of(seed: int, sources: list[bytes]) -> bytes:
    from mixtures import Mixtures, pieces_of

    if not _pieces:
        _pieces.extend(sorted({piece for source in sources for piece in pieces_of(source)}))
    return Mixtures(seed, _pieces).program().encode("utf-8", "replace")


class Judge:
    """Runs one program in each way and returns what is wrong, or an empty text."""

    def __init__(self, folder: Path, reference: str = "", single: str = "") -> None:
        from meanings import FITTING
        from outcomes import FIXTURE, Ours, Reference, make_fixture
        from programs import FIELDS, NAMES, ODD_NAMES, WORDS

        self.folder = folder
        make_fixture(folder / "fixture")
        self.ours = Ours()
        names = list({name.strip('"') for name in {*FITTING, *FIELDS, *NAMES, *ODD_NAMES, *WORDS, *FIXTURE, "v", "w", "q", "n"}})
        self.reference = Reference(shlex.split(reference), names, shlex.split(single)) if reference else None
        self.counts = {"values": 0, "errors": 0, "limits": 0, "compared": 0}

    def verdict(self, program: bytes, number: int, is_stressed: bool) -> str:
        # A name never used before, because imports and copies to the store are remembered.
        folder = self.folder / f"{number}-{time.monotonic_ns()}"
        folder.mkdir()
        file = folder / "p.nix"
        file.write_bytes(program)
        try:
            return self.verdict_on(program, file, is_stressed)
        finally:
            file.unlink()
            folder.rmdir()

    def verdict_on(self, program: bytes, file: Path, is_stressed: bool) -> str:
        default = self.ours.outcome(file, "default")
        self.counts["limits" if default.is_limit() else "errors" if default.value is None else "values"] += 1
        plain = self.ours.outcome(file, "plain")
        if not default.agrees(plain):
            return f"levels: default {default}, plain {plain}"
        frames = self.ours.outcome(file, "frames")
        if not default.agrees(frames):
            return f"levels: default {default}, with all frames {frames}"
        if is_stressed:
            stressed = self.ours.outcome(file, "stress")
            if not default.agrees(stressed):
                return f"stress: default {default}, stressed {stressed}"
        theirs = None if self.reference is None or default.is_limit() else self.reference.outcome(file)
        if theirs is None:
            return ""
        self.counts["compared"] += 1
        if default.agrees(theirs) or any(default.agrees(theirs := other) for other in self.reference.single_outcomes(file)):
            return ""
        return f"reference: ours {default}, theirs {theirs}"


def work(given) -> None:
    """The worker: `N` before each program, `! JSON` for a find, `= JSON` at the end."""
    sources = corpus(given.sources)
    judge = Judge(Path(given.out).resolve(), given.reference, given.single)
    for seed in range(given.seed, given.seed + given.count):
        print(seed, flush=True)
        program = program_of(seed, given.kind, sources)
        is_stressed = seed % given.stress_every == 0 and len(program) < STRESSED_BYTES
        verdict = judge.verdict(program, seed, is_stressed)
        if verdict:
            print("!", json.dumps([seed, verdict]), flush=True)
    print("=", json.dumps(judge.counts), flush=True)


class Run:
    """The parent: restarts workers that died, collects finds."""

    def __init__(self, given) -> None:
        self.given = given
        self.out = Path(given.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.finds = 0
        self.counts: dict[str, int] = {}

    def find(self, seed: int, verdict: str) -> None:
        self.finds += 1
        program = program_of(seed, self.given.kind, corpus(self.given.sources))
        (self.out / f"{self.given.kind}-{seed}.nix").write_bytes(program)
        with open(self.out / "finds.txt", "a", encoding="utf-8") as stream:
            stream.write(f"{self.given.kind}-{seed} {verdict[:600]!r}\n")
        print(f"{seed}: {verdict[:300]}", flush=True)

    def run(self) -> int:
        first, end = self.given.seed, self.given.seed + self.given.count
        while first < end:
            first = self.one_worker(first, end) + 1
        # Of a worker that died, only the finds are counted.
        print(f"{self.given.count} programs, {self.finds} finds, {self.counts}")
        return 1 if self.finds else 0

    def one_worker(self, first: int, end: int) -> int:
        """Runs a worker; returns the number of the last program that was done or that killed it."""
        words = [sys.executable, __file__, "--worker", "--seed", str(first), "--count", str(end - first), "--kind", self.given.kind,
                 "--reference", self.given.reference, "--single", self.given.single, "--sources", self.given.sources, "--out", str(self.out), "--stress-every", str(self.given.stress_every)]  # fmt: skip
        # Programs trace and warn, and a pipe that nobody reads would become full.
        with open(self.out / "stderr", "w+", errors="replace") as errors:
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=None if self.given.verbose else errors, text=True) as worker:
                seed = self.follow(worker, first)
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
            error = errors.read()
        if worker.returncode == 0:
            return end - 1
        self.find(seed, f"crash: exit {worker.returncode} {error}")
        return seed

    def follow(self, worker: subprocess.Popen, seed: int) -> int:
        import selectors

        selector = selectors.DefaultSelector()
        selector.register(worker.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(SILENCE_S):
                worker.kill()
                return seed
            line = worker.stdout.readline()
            if not line:
                return seed
            if line[0] == "!":
                self.find(*json.loads(line[1:]))
            elif line[0] == "=":
                for name, count in json.loads(line[1:]).items():
                    self.counts[name] = self.counts.get(name, 0) + count
            else:
                seed = int(line)


def reduce_file(given) -> None:
    from reduce import reduced

    program = Path(given.reduce).read_bytes()
    judge = Judge(Path(given.out).resolve(), given.reference, given.single)
    wanted = judge.verdict(program, 0, True).partition(":")[0]
    print(judge.verdict(program, 0, True))
    smaller = reduced(program, lambda text: judge.verdict(text, 0, wanted == "stress").partition(":")[0] == wanted)
    print(smaller.decode("utf-8", "replace"))
    print(judge.verdict(smaller, 0, True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kind", choices=["programs", "meanings", "mixtures", "libraries", "enumerated", "bytes"], default="programs")
    parser.add_argument("--reference", default="", help="words of a `nix repl`")
    parser.add_argument("--single", default="", help="words of a `nix-instantiate`, for what a loop prints differently")
    parser.add_argument("--sources", default="", help="a folder with Nix files that mixtures and bytes take pieces of, besides tests/lang")
    parser.add_argument("--stress-every", type=int, default=5)
    parser.add_argument("--out", default="fuzz-finds")
    parser.add_argument("--reduce", metavar="FILE")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given)
        return 0
    if given.reduce:
        os.makedirs(given.out, exist_ok=True)
        reduce_file(given)
        return 0
    return Run(given).run()


if __name__ == "__main__":
    sys.exit(main())
