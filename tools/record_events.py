"""Records the events that C++ Nix 2.34 reports with `--log-format internal-json`, for the commands in tests/fetching/event_cases.py.

usage: SNOWSNAKE_REFERENCE_TOOLS=DIR python tools/record_events.py

DIR has its commands `nix` and `nix-instantiate`.  Writes tests/fetching/events.jsonl.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "fetching"
sys.path.insert(0, str(FOLDER))
import event_cases  # noqa: E402
from fetch_cases import ENVIRONMENT, filled  # noqa: E402
from fetch_server import Server  # noqa: E402
from fetch_world import make_world  # noqa: E402


def main() -> int:
    tools = os.environ.get("SNOWSNAKE_REFERENCE_TOOLS", "")
    if not tools:
        raise SystemExit("SNOWSNAKE_REFERENCE_TOOLS must name the folder of the commands of Nix 2.34")
    rows = []
    with tempfile.TemporaryDirectory(prefix="snowsnake-record-") as folder:
        world = Path(os.path.realpath(folder)) / "world"
        make_world(world)
        server = Server(world)
        for name, (command, words) in event_cases.CASES.items():
            own = world.parent / "own"

            def fill(text: str, own: Path = own) -> str:
                return filled(text, str(world), server.url).replace("/F/", f"{own}/flake/")

            def plain(text: str, own: Path = own) -> str:
                return text.replace(server.url.removeprefix("http://"), "U").replace(str(own), "/O").replace(str(world), "/W")

            server.counts.clear()
            event_cases.prepare(own, fill)
            done = subprocess.run(
                [f"{tools}/{command}", *map(fill, words), "--store", f"{own}/store", "--log-format", "internal-json"], cwd=own, check=False,
                env=os.environ | ENVIRONMENT | {"HOME": str(own), "XDG_CACHE_HOME": f"{own}/cache", "NIX_CONFIG": event_cases.CONFIG}, capture_output=True, text=True,
            )  # fmt: skip
            rows.append({"name": name, "code": done.returncode, "events": event_cases.events(done.stderr, plain)})
            subprocess.run(["chmod", "-R", "u+w", str(own)], check=False, capture_output=True)
            shutil.rmtree(own)
        server.close()
    (FOLDER / "events.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} streams")
    return 0


if __name__ == "__main__":
    sys.exit(main())
