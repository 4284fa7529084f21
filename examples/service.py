"""What a service does that evaluates expressions of strangers: a pool under limits, and an answer for everything.

python examples/service.py            (with FastAPI: `@app.post("/evaluate")` above `answer`)
"""

import asyncio

import snowsnake


def make() -> snowsnake.Evaluator:
    """Pure: no file, no variable, no network; a limit for memory, depth and time."""
    return snowsnake.Evaluator(pure=True, files={}, memory_limit_bytes=256 << 20, depth_limit=10_000, timeout_s=2)


pool = snowsnake.EvaluatorPool(2, make)


async def answer(expression: str) -> dict[str, object]:
    """JSON of the value, or of what is wrong with it."""
    try:
        text = await pool.run_async(lambda nix: nix.evaluate(expression).to_json())
        return {"value": text}
    except snowsnake.EvaluationError as error:
        return {"error": error.message, "code": error.stable_code, "at": str(error.position) if error.position else None}


async def main() -> None:
    questions = ["map (x: x * x) [ 1 2 3 ]", "1 +", 'throw "no"', "builtins.readFile /etc/passwd", "let f = x: 1 + f x; in f 0", "x: x"]
    for question, found in zip(questions, await asyncio.gather(*map(answer, questions)), strict=True):
        print(question, "→", found)


with pool:
    asyncio.run(main())
