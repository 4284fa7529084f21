"""The experiment of docs/decisions/images.md: an evaluated heap as a file, from which another evaluation starts warm.

    heap_image.py write   IMAGE FILE ATTR…   evaluate ATTR.drvPath of FILE's value, and save the machine
    heap_image.py read    IMAGE FILE ATTR…   ATTR.drvPath of the saved machine, cold if something that it read has changed
    heap_image.py cold    FILE ATTR…         the same without an image
    heap_image.py measure FILE WARM COLD…    WARM into an image, then each COLD cold and from it: equal? CPU, memory, sizes

FILE is a file whose value is the package set, not a function: what `import FILE` gives is what the image keeps.  With
`--reference COMMAND` (a nix-instantiate) `measure` compares with that too; `--cache FOLDER` uses compiled files; `--relocate` reads
the heap instead of mapping it, `--no-verify` leaves its checksum out.  Nothing of this is a feature of Snowsnake.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from snowsnake.cache.pack import Inspection
from snowsnake.evaluator import Evaluator
from snowsnake.machine.heap_image import ImageRefused, read_image, read_inputs, write_image

from snowsnake.dependencies import Dependencies

SETTINGS = ("level", "features", "search_path", "system", "store_dir", "is_writable", "home")


def build_identity() -> int:
    return Inspection(b"/nonexistent", 1 << 20).compiler()


# ---- what an evaluation depended on -----------------------------------------------------------------------------


def inputs_of(evaluator: Evaluator, settings: dict[str, object]) -> dict[str, object]:
    """Everything that the evaluation asked, and the answers.  ImageRefused if one of them is different by now."""
    found = evaluator.dependencies()
    for entry in found.changed(ignore_time=True):
        raise ImageRefused(f"{entry.name} has changed since the evaluation began")
    return {"settings": settings, "dependencies": found.to_json()}


def first_change(inputs: dict[str, str], settings: dict[str, object]) -> str | None:
    """The first thing that is no longer as it was; None: the image is good."""
    if inputs["settings"] != settings:
        return "the settings"
    changed = Dependencies.from_json(inputs["dependencies"]).changed(ignore_time=True)
    return changed[0].name if changed else None


# ---- images -----------------------------------------------------------------------------------------------------


def normal(options: dict[str, object]) -> dict[str, object]:
    """The settings that decide what an evaluation gives, as JSON has them."""
    return json.loads(json.dumps({name: options.get(name) for name in SETTINGS} | {"folder": os.getcwd()}))


def save(evaluator: Evaluator, options: dict[str, object], image: Path) -> dict[str, int]:
    """Write an image of an evaluator, readable by its owner alone."""
    inputs = json.dumps(inputs_of(evaluator, normal(options))).encode("utf-8", "surrogateescape")
    scratch = image.with_suffix(".tmp")
    try:
        with open(os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b", buffering=0) as file:
            written = write_image(evaluator.machine_address(), file, build_identity(), inputs)
        scratch.rename(image)
    finally:
        scratch.unlink(missing_ok=True)
    return written


def load(image: Path, options: dict[str, object], *, mapped: bool = True, verify: bool = True,
         report: dict[str, float] | None = None) -> Evaluator:
    """An evaluator from an image.  ImageRefused says why it cannot be used."""
    times = report if report is not None else {}
    with open(image, "rb", buffering=0) as file:
        owner = os.fstat(file.fileno())
        if owner.st_uid not in (os.geteuid(), 0) or owner.st_mode & 0o022:
            raise ImageRefused("the image belongs to somebody else, or others may write it")
        began = time.perf_counter()
        changed = first_change(json.loads(read_inputs(file, build_identity())), normal(options))
        times["check_ms"] = (time.perf_counter() - began) * 1000
        if changed is not None:
            raise ImageRefused(f"{changed} is not what it was")
        began = time.perf_counter()
        evaluator = Evaluator(**options)
        times["is_mapped"] = read_image(evaluator.machine_address(), file, build_identity(), mapped=mapped, verify=verify)
        times["load_ms"] = (time.perf_counter() - began) * 1000
    return evaluator


def drv_paths(evaluator: Evaluator, file: str, attributes: list[str]) -> list[str]:
    found = []
    for attribute in attributes:
        value = evaluator.evaluate_file(file)
        for name in attribute.split("."):
            value = value.select(name.encode())
        found.append(value.select(b"drvPath").string().decode())
    return found


# ---- measuring --------------------------------------------------------------------------------------------------


def run(arguments: list[str]) -> tuple[dict[str, object], float, float]:
    """A command of this script in a process of its own: its report, CPU seconds, peak megabytes."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen([sys.executable, __file__, *arguments], stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"failed: {' '.join(arguments)}")
        out.seek(0)
        return json.loads(out.read()), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def reference_paths(command: str, file: str, attributes: list[str]) -> list[str]:
    quoted = json.dumps(attributes)
    text = (f"let p = import {file}; get = builtins.foldl' (s: n: s.${{n}}); "
            f"in map (a: builtins.unsafeDiscardStringContext (get p (builtins.filter builtins.isString (builtins.split \"[.]\" a))).drvPath) "
            f"(builtins.fromJSON {json.dumps(quoted)})")
    done = subprocess.run([command, "--eval", "--strict", "--json", "-E", text], capture_output=True, text=True, check=True, cwd="/tmp")
    return json.loads(done.stdout)


def best(arguments: list[str], rounds: int) -> tuple[dict[str, object], float, float]:
    """The run with the least CPU time."""
    return min((run(arguments) for _ in range(rounds)), key=lambda r: r[1])


def measure(given: argparse.Namespace, flags: list[str]) -> int:
    file, warm, others = given.words[0], given.words[1], given.words[2:]
    with tempfile.TemporaryDirectory() as folder:
        image = f"{folder}/image"
        report, cpu, peak = run(["write", *flags, image, file, warm])
        print(f"write: {cpu:.3f} s CPU with the evaluation of {warm}, of it {report['write_ms']:.0f} ms for the image; peak {peak:.0f} MB")
        print(f"image: heap {report['heap_bytes'] / 1e6:.1f} MB, tables {report['tables_bytes'] / 1e6:.1f} MB, "
              f"inputs {report['inputs_bytes'] / 1e6:.2f} MB ({report['input_count']} of them)")
        faults = 0
        for attribute in [warm, *others]:
            cold, cold_cpu, cold_peak = best(["cold", *flags, file, attribute], given.rounds)
            hot, hot_cpu, hot_peak = best(["read", *flags, image, file, attribute], given.rounds)
            expected = reference_paths(given.reference, file, [attribute]) if given.reference else cold["drvs"]
            is_equal = cold["drvs"] == hot["drvs"] == expected and "refused" not in hot
            faults += not is_equal
            print(f"{attribute}: {'equal' if is_equal else 'DIFFERENT'}; CPU {cold_cpu:.3f} s cold, {hot_cpu:.3f} s warm "
                  f"({hot_cpu / cold_cpu:.2f}); peak {cold_peak:.0f} and {hot_peak:.0f} MB; "
                  f"check {hot.get('check_ms', 0):.1f} ms, load {hot.get('load_ms', 0):.1f} ms")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("write", "read", "cold", "measure"))
    parser.add_argument("words", nargs="+")
    parser.add_argument("--cache", default="")
    parser.add_argument("--relocate", action="store_true")
    parser.add_argument("--no-verify", action="store_true")
    parser.add_argument("--reference", default="")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    flags = [*(["--cache", given.cache] if given.cache else []), *(["--relocate"] if given.relocate else []),
             *(["--no-verify"] if given.no_verify else [])]
    if given.command == "measure":
        return measure(given, flags)
    options: dict[str, object] = {"cache": given.cache.encode()}
    report: dict[str, object] = {}
    image = None if given.command == "cold" else Path(given.words.pop(0))
    file, attributes = os.path.abspath(given.words[0]), given.words[1:]
    try:
        if given.command != "read":
            raise ImageRefused("none wanted")
        evaluator = load(image, options, mapped=not given.relocate, verify=not given.no_verify, report=report)
    except (ImageRefused, FileNotFoundError) as reason:
        if given.command == "read":
            report["refused"] = str(reason)
        evaluator = Evaluator(**options)
    report["drvs"] = drv_paths(evaluator, file, attributes)
    if given.command == "write":
        began = time.perf_counter()
        report |= save(evaluator, options, image)
        report["write_ms"] = (time.perf_counter() - began) * 1000
        report["input_count"] = len(evaluator.records())
    print(json.dumps(report), flush=True)
    os._exit(0)                        # as the commands do: the heap is not taken apart


if __name__ == "__main__":
    sys.exit(main())
