"""All jobs of a root by threads of one process, each with an evaluator of its own: `snowsnake jobs` does not work in this way, and docs/decisions/jobs.md says why.

usage: job_threads.py ROOT THREADS
Prints the lines of jobs, in order.
"""

import sys
import threading

from snowsnake.interpreter import Interpreter
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.options import JobOptions
from snowsnake.jobs.queue import JobQueue, each
from snowsnake.selection import Selector

_MOST_AT_ONCE = 64


class Threads:
    """One queue for all threads.  A thread that finds nothing to do waits for what the others find."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.queue = JobQueue()
        self.changed = threading.Condition()

    def work(self, number: int) -> None:
        evaluator = Interpreter()
        root = JobRoot(evaluator, Selector(evaluator, {}).auto_call(evaluator.evaluate_file(self.root)), JobOptions(is_instantiating=False))
        while True:
            with self.changed:
                while not self.queue.waiting:
                    if self.queue.is_empty:
                        self.changed.notify_all()
                        return
                    self.changed.wait()
                paths = self.queue.take(min(_MOST_AT_ONCE, self.queue.waiting // 8 + 1), number)
            for path in paths:
                reply = root.look(path)
                with self.changed:
                    self.queue.finish(reply, number)
                    self.changed.notify_all()


def main() -> None:
    run = Threads(sys.argv[1])
    threads = [threading.Thread(target=run.work, args=(number,)) for number in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for reply in each(run.queue.ready()):
        print(reply.line)


main()
