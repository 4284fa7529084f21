"""What several workers evaluate twice: the attributes for which they make more values together than one worker does, and how much.

    python benchmarks/job_values.py ROOT WORKERS

Bytes of values do not depend on who else uses the machine.
"""

import os
import sys

from snowsnake.interpreter import Interpreter
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.reply import Path, Reply
from snowsnake.jobs.run import Run

SHOWN = 40


class CountingRoot(JobRoot):
    """A root whose replies say how many bytes of values were made for them."""

    def look(self, path: Path) -> Reply:
        before = self.evaluator.made_bytes()
        reply = super().look(path)
        return Reply(path, reply.attrs, {**reply.fields, "made": self.evaluator.made_bytes() - before})


def made(root: str, workers: int) -> dict[str, int]:
    """The bytes for each job, by its attribute."""
    evaluator = Interpreter()
    run = Run(CountingRoot(evaluator, evaluator.evaluate_file(os.path.abspath(root)), JobOptions(is_instantiating=False)), RunOptions(workers=workers))
    return {reply.fields["attr"]: reply.fields["made"] for reply in run.replies() if "made" in reply.fields}


def main() -> None:
    root, workers = sys.argv[1], int(sys.argv[2])
    one, several = made(root, 1), made(root, workers)
    more = sorted(((several[attr] - one[attr], attr) for attr in several if attr in one), reverse=True)
    print(f"{sum(one.values()) / 1e6:.0f} MB by one worker, {sum(several.values()) / 1e6:.0f} MB by {workers}")
    for size, attr in more[:SHOWN]:
        print(f"{size / 1e6:8.1f} MB more  {attr}")


if __name__ == "__main__":
    main()
