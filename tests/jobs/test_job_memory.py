"""The memory limit of a worker holds within an attribute: one that needs more has a worker of its own, and fails only if the machine does not have so much."""

from pathlib import Path

import pytest

from snowsnake.interpreter import Interpreter
from snowsnake.jobs import worker
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.memory import JobMemory
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.run import Run

LIMIT = 48 << 20
# What the machine is said to have free: 240 MiB of it are for an attribute that is too large for a worker.
AVAILABLE = 600 << 20
ROOT = """
let
  job = name: derivation { inherit name; system = "s"; builder = "b"; };
  # Some 100 MiB that live until the last of them is counted.
  large = name: let made = builtins.genList (x: { a = [ x ]; }) 900000; in
    job "${name}-${toString (builtins.foldl' (sum: one: sum + builtins.length one.a) 0 made + builtins.length made)}";
  doubled = builtins.foldl' (text: _: text + text) "x" (builtins.genList (x: x) 50);
  longer = list: if builtins.length list > 1000000000 then list else longer (list ++ list);
in
{
  a = job "a";
  large1 = large "one";
  large2 = large "two";
  list = job (toString (builtins.length (longer [ 1 ])));
  small = job "small";
  text = job doubled;
  nested = { recurseForDerivations = true; large3 = large "three"; z = job "z"; };
}
"""
NAMES = ["a", "large1", "large2", "list", "nested.large3", "nested.z", "small", "text"]


class Watched(Run):
    """A run that notes how many workers without the usual limit there were at a time."""

    most = 0

    def _give_out(self) -> None:
        super()._give_out()
        self.most = max(self.most, sum(one.is_for_large for one in self._workers))


def run_of(source: bytes, workers: int, memory: JobMemory | None = None) -> Watched:
    evaluator = Interpreter(hides_time=memory is not None)
    root = JobRoot(evaluator, evaluator.evaluate(source, "/"), JobOptions(is_instantiating=False))
    return Watched(root, RunOptions(workers=workers, memory_bytes=LIMIT), memory)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("is_kept", [False, True])
def test_an_attribute_over_the_limit_has_a_worker_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, is_kept: bool) -> None:
    monkeypatch.setattr(worker, "available_bytes", lambda: AVAILABLE)
    for _ in range(2 if is_kept else 1):
        memory = JobMemory(str(tmp_path / "results.sqlite"), "request") if is_kept else None
        run = run_of(ROOT.encode(), workers, memory)
        replies = list(run.replies())
        if memory is not None:
            memory.close()
        assert [reply.fields["attr"] for reply in replies] == NAMES
        failed = {reply.fields["attr"]: reply.error for reply in replies if reply.error}
        assert failed.keys() == {"list", "text"}
        for text in failed.values():
            assert "out of memory" in text and "limit of 24" in text
        assert {reply.fields["attr"] for reply in run.broken} == failed.keys()
        assert (run.deaths, run.most) == (0, 1)


def test_what_is_available_is_what_the_system_says() -> None:
    assert 1 << 20 < worker.available_bytes() < 1 << 50
