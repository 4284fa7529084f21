"""The benchmark: its conclusions from numbers, and a short run of it."""

import json
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from conftest import INSTALLED

ROOT = Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def benchmark_modules(monkeypatch):
    """The modules of the benchmark, which are not a package, importable by their names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [path.stem for path in BENCHMARKS.glob("*.py")]:
        sys.modules.pop(name, None)


def row_of(costs, suite="micro", peaks=None, digests=None):
    """A row with these runs of each evaluator."""
    from measure import Spread
    from rows import Facts, Row
    from tasks import Task

    row = Row(Task("program", suite, Path("/")))
    for name, values in costs.items():
        peak = Spread([(peaks or {}).get(name, 1000.0)])
        row.facts[name] = Facts(Spread(values), Spread(values), peak, {(digests or {}).get(name, "same")}, "same")
    return row


def test_ratios_above_an_aim_are_reported(benchmark_modules):
    import report

    row = row_of({"snowsnake": [0.4, 0.2, 0.3], "nix": [1.2, 0.6, 0.9]}, peaks={"snowsnake": 600, "nix": 1000})
    ratio = row.ratio("snowsnake", "nix")
    assert ratio["cpu"] == pytest.approx(1 / 3) and ratio["peak"] == pytest.approx(0.6)
    missed = report.missed_aims([row], ["snowsnake"], "nix", "python")
    assert missed == ["program: snowsnake: memory 0.60, aim 0.50"]
    assert "**0.60**" in report.tables([row], ["snowsnake", "nix"], ["snowsnake"], "nix")
    assert report.too_short([row], "nix") == [] and len(report.too_short([row_of({"nix": [0.6, 0.4]})], "nix")) == 1


def test_short_rows_and_parsing_have_other_aims(benchmark_modules):
    import report

    assert report.missed_aims([row_of({"ours": [0.2], "nix": [0.1]}, "library")], ["ours"], "nix", "python") == []
    assert report.missed_aims([row_of({"ours": [0.45], "nix": [1.0]}, "parse", {"ours": 1.0})], ["ours"], "nix", "python") == []
    assert report.missed_aims([row_of({"ours": [0.45], "nix": [1.0]}, "nixos", {"ours": 1.0})], ["ours"], "nix", "python")
    start = row_of({"ours": [0.04], "python": [0.01], "nix": [0.03]}, "start")
    assert report.missed_aims([start], ["ours"], "nix", "python") == ["start: ours needs 30 ms over the interpreter, aim 25"]


def test_a_different_result_is_a_fault(benchmark_modules):
    import report

    row = row_of({"ours": [1.0], "nix": [1.0]}, digests={"ours": "other"})
    assert report.faults([row], ["ours"], "nix", {}) == ["program: ours and nix give different results"]
    assert report.faults([row_of({"ours": [1.0]})], ["ours"], "nix", {"program": "0"}) != []
    assert report.faults([row_of({"ours": [1.0], "nix": [1.0]})], ["ours"], "nix", {"program": "same"}) == []


def test_json_is_compared_by_its_meaning(benchmark_modules):
    from rows import digest_of

    assert digest_of(b'{"b":1,"a":[1.0]}\n', True) == digest_of(b'{"a": [1.0], "b": 1}', True)
    assert digest_of(b'{"a":1}', True) != digest_of(b'{"a":2}', True)
    assert digest_of(b'{"a":1}', False) != digest_of(b'{"a": 1}', False)


def test_noise_is_told_from_change(benchmark_modules):
    from commits import interval, verdict

    same = [1.0, 1.05, 0.97, 1.02, 1.01, 0.99]
    assert verdict(*interval(same, same[::-1])) == "within the noise"
    assert verdict(*interval(same, [value * 0.8 for value in same])) == "less"
    assert verdict(*interval(same, [value * 1.3 for value in same])) == "more"


def test_growth_that_is_too_fast_is_found(benchmark_modules):
    from scaling import Growth, growth_picture, growth_table, too_fast

    sizes = [10, 100, 1000]
    linear = Growth("linear", sizes, {"snowsnake": [0.01, 0.11, 1.2]}, {"snowsnake": [10, 100, 1000]})
    square = Growth("square", sizes, {"snowsnake": [0.01, 0.1, 9.0]}, {"snowsnake": [10, 1e4, 1e6]})
    missing = Growth("missing", sizes, {"snowsnake": [0.01]}, {})
    assert linear.exponent("snowsnake") == pytest.approx(1.04, abs=0.01)
    found = too_fast([linear, square, missing])
    assert [line.split(" ")[0] for line in found] == ["square:", "square:", "missing:"]
    assert "n^1.95" in growth_table([linear, square], ["snowsnake"], "CPU s")
    assert xml.fromstring(growth_picture([linear, square, missing], "nix", "CPU s")).tag.endswith("svg")


def test_pictures_of_ratios_are_svg(benchmark_modules):
    from run import ratio_picture

    rows = [row_of({"snowsnake": [0.2], "nix": [1.0]}), row_of({"snowsnake": [2.0], "nix": [0.5]}, "nixos"), row_of({"nix": [1.0]})]
    root = xml.fromstring(ratio_picture(rows, ["snowsnake"], "nix"))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "0.20" in texts and "4.00" in texts and "NixOS" in texts
    assert ratio_picture(rows[2:], ["snowsnake"], "nix") == ""


def test_peaks_are_those_of_the_command(benchmark_modules, tmp_path):
    from measure import Meter

    environment = {"PATH": "/usr/bin:/bin"}
    # This memory belongs to this process, and the peak of a child must not contain it.
    ballast = bytearray(80 << 20)
    with Meter(30) as meter:
        small = meter.run([sys.executable, "-S", "-c", "print(1)"], tmp_path, environment)
        large = meter.run([sys.executable, "-S", "-c", "len(bytearray(50 << 20))"], tmp_path, environment)
        failed = meter.run(["sh", "-c", "echo no >&2; exit 3"], tmp_path, environment)
    assert ballast and small.output == b"1\n" and small.peak_kib < 40 << 10 < large.peak_kib
    assert (failed.code, failed.errors) == (3, "no\n")


def test_a_command_that_takes_too_long_is_ended(benchmark_modules, tmp_path):
    from measure import Meter

    with Meter(0.3) as meter:
        done = meter.run(["sh", "-c", "sleep 60 & wait"], tmp_path, {"PATH": "/usr/bin:/bin"})
        after = meter.run(["true"], tmp_path, {"PATH": "/usr/bin:/bin"})
    assert done.code == -9 and after.code == 0


def run_benchmark(*words, **environment):
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), *words],
        capture_output=True, text=True, timeout=300, env={"PATH": "/usr/bin:/bin"} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_a_short_run_writes_its_results(tmp_path):
    """Our evaluator beside itself under another name has the same results, and writes all three files."""
    own = f"env PYTHONPATH={ROOT / 'src'} {INSTALLED / 'snowsnake-instantiate'}"
    run_benchmark(
        "--suite", "start,micro,library", "--only", "regex,tiny,start", "--runs", "1", "--output", str(tmp_path / "out"),
        "--workloads", str(workloads(tmp_path)),
        "--evaluator", f"other={own}",
    )  # fmt: skip
    facts = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert [row["program"] for row in facts["results"]] == ["start", "regex"] and facts["against"] == "other"
    regex = facts["results"][1]["evaluators"]
    assert all(regex[name]["agrees"] and regex[name]["cpu_s"]["min"] > 0 for name in ("snowsnake", "other"))
    assert "| regex" in (tmp_path / "out" / "figures.md").read_text()


def workloads(folder: Path) -> Path:
    """A folder of workloads with one expression and two trees to parse."""
    root = folder / "workloads"
    (root / "expr").mkdir(parents=True)
    (root / "expr" / "tiny.nix").write_text("import ../src/a/default.nix\n")
    (root / "expr" / "parse.trees").write_text("src/a src/b\n")
    (root / "expr" / "parse.skip").write_text("src/b/bad.nix\n")
    for name, text in (("a/default.nix", "{ x = 1; }"), ("b/good.nix", "x: x"), ("b/bad.nix", "{")):
        (root / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "src" / name).write_text(text)
    return root


def test_the_workloads_of_a_folder_are_found(benchmark_modules, tmp_path):
    from evaluators import Evaluator
    from tasks import find_tasks

    tasks = {task.name: task for task in find_tasks([], ["tiny", "parse"], str(workloads(tmp_path)), tmp_path)}
    nix = Evaluator("nix", ["nix-instantiate"])
    assert [process.words for process in tasks["parse"].processes(nix)] == [
        ["nix-instantiate", "--parse", "src/a/default.nix", "src/b/good.nix"]
    ]
    assert tasks["tiny"].suite == "more"
    assert list(tasks["tiny"].processes(Evaluator("snix", ["python"], kind="snix"))) == []


def test_every_program_is_measured(benchmark_modules):
    from scaling import STARTS
    from tasks import SIZES

    assert {path.stem for path in (BENCHMARKS / "programs").glob("*.nix")} == set(SIZES)
    assert {path.stem for path in (BENCHMARKS / "scaling").glob("*.nix")} == set(STARTS) - {"files", "source"}


def test_a_line_of_a_program_is_repeated(benchmark_modules) -> None:
    from tasks import program

    text = program("functions", 11)
    assert text.count("\n  f") == 11
    assert "  f10 = { a, b ? 10, ... }@args: " in text


def test_functions_are_counted_for_their_stages(benchmark_modules) -> None:
    from stages import module_of, shares, table

    assert module_of("__pyx_f_9snowsnake_7machine_4loop_run.constprop.0") == "machine.loop"
    assert module_of("__pyx_f_9snowsnake_8builtins_7engines_5regex_find_entry.isra.0") == "builtins.engines"
    assert module_of("__pyx_pw_9snowsnake_6handle_6Handle_5force") == "handle.Handle"
    assert module_of("_PyEval_EvalFrameDefault") == ""
    found = shares(
        "# Overhead  Shared Object  Symbol\n"
        "    20.50%  _native.so  [.] __pyx_f_9snowsnake_7machine_4loop_run.constprop.0\n"
        "     1.50%  _native.so  [.] sha256_blocks_instructions\n"
        "     1.00%  _native.so  [.] __pyx_f_9snowsnake_5store_5aterm_aterm_string\n"
        "     2.00%  libc.so.6   [.] malloc\n"
        "     3.00%  [kernel.kallsyms]  [k] clear_page_erms\n"
    )
    assert found == {"run: the loop": 20.5, "derivations": 2.5, "copies and allocations (libc)": 2.0, "kernel": 3.0}
    assert table({"a": found}).splitlines() == [
        "| percent of CPU | run: the loop | kernel | derivations | copies and allocations (libc) |",
        "|--|--|--|--|--|",
        "| a | 20 | 3 | 2 | 2 |",
    ]
