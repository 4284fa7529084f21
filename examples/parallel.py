"""Many evaluations at once: an evaluator for each thread, none of which holds the interpreter's lock.   python examples/parallel.py"""

from concurrent.futures import ThreadPoolExecutor

import snowsnake

PROGRAM = """
  { n }:
  let collatz = k: steps: if k == 1 then steps else collatz (if k - k / 2 * 2 == 0 then k / 2 else 3 * k + 1) (steps + 1);
  in builtins.foldl' (best: k: let steps = collatz k 0; in if steps > best.steps then { inherit k steps; } else best)
    { k = 1; steps = 0; } (builtins.genList (i: i + 1) n)
"""


def longest(n: int) -> dict[str, int]:
    """The number below n whose Collatz sequence is the longest; a machine of its own, with a limit of memory and time."""
    nix = snowsnake.Evaluator(pure=True, memory_limit_bytes=1 << 30, timeout_s=60)
    return nix.evaluate(PROGRAM)(n=n).decode(dict[str, int])


with ThreadPoolExecutor(4) as pool:
    sizes = [10, 100, 1000, 3000]
    for n, found in zip(sizes, pool.map(longest, sizes), strict=True):
        print(f"below {n}: {found['k']} needs {found['steps']} steps")
