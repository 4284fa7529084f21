"""What buildbot-nix and nix-security-tracker do with lines of nix-eval-jobs: each job as a model, errors and successes told apart by their type.

python examples/job_models.py          (needs pydantic)
"""

from pydantic import BaseModel, Field, TypeAdapter

import snowsnake

RELEASE = """let job = name: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; outputs = [ "out" "doc" ]; };
in { app = job "app-1.0"; sets = { recurseForDerivations = true; tool = job "tool-2.0"; }; broken = throw "not for this system"; }"""


class Failure(BaseModel):
    attr_path: list[str] = Field(alias="attrPath")
    error: str


class Success(BaseModel):
    attr_path: list[str] = Field(alias="attrPath")
    name: str
    system: str
    drv_path: str = Field(alias="drvPath")
    outputs: dict[str, str | None]


Job = TypeAdapter[Failure | Success](Failure | Success)

nix = snowsnake.Evaluator()
for reply in nix.jobs(nix.evaluate(RELEASE), workers=2):
    job = Job.validate_python({"attrPath": list(reply.path), **({"error": reply.error} if reply.error else reply.fields)})
    name = ".".join(job.attr_path)
    print(f"{name}: {job.error.splitlines()[-1].strip()}" if isinstance(job, Failure) else f"{name}: {job.name} ({', '.join(job.outputs)})")
