"""What a service does that evaluates expressions of strangers: FastAPI, a pool under limits, and an answer for everything.

python examples/service.py             (uvicorn service:app; needs fastapi)
"""

import asyncio

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

import snowsnake


def make() -> snowsnake.Evaluator:
    """Pure: no file, no variable, no network; a limit for memory, depth and time."""
    return snowsnake.Evaluator(pure=True, files={}, memory_limit_bytes=256 << 20, depth_limit=10_000, timeout_s=2)


class Question(BaseModel):
    expression: str


app = FastAPI()
pool = snowsnake.EvaluatorPool(2, make)


@app.post("/evaluate")
async def evaluate(question: Question) -> Response:
    """The value as JSON; 422 with what is wrong with the expression."""
    try:
        return Response(await pool.run_async(lambda nix: nix.evaluate(question.expression).to_json()), media_type="application/json")
    except snowsnake.EvaluationError as error:
        place = str(error.position) if error.position else None
        raise HTTPException(422, {"error": error.message, "code": error.stable_code, "at": place}) from None


async def main() -> None:
    for text in ("map (x: x * x) [ 1 2 3 ]", "1 +", 'throw "no"', "builtins.readFile /etc/passwd", "let f = x: 1 + f x; in f 0", "x: x"):
        try:
            print(text, "→", bytes((await evaluate(Question(expression=text))).body).decode())
        except HTTPException as error:
            print(text, "→", error.status_code, error.detail)


if __name__ == "__main__":
    with pool:
        asyncio.run(main())
