"""Records what a reference says about URLs of stores: tests/differential/test_store_urls.py.

usage: SNOWSNAKE_REFERENCE_TOOLS=FOLDER python tools/record_store_urls.py

In: tests/differential/store_urls.py; a folder with nix of 2.34.  Out: tests/differential/urls/recorded.jsonl.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import commands

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    from store_urls import WORDS, environment, make_world, outcome, urls  # type: ignore[import-not-found]

    tools = commands()
    lines = []
    for url in urls():
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            make_world(Path(folder))
            done = subprocess.run(
                [os.path.join(tools, WORDS[0]), *WORDS[1:], url], cwd=f"{folder}/work", stdin=subprocess.DEVNULL, capture_output=True, env=environment(folder)
            )
            lines.append(json.dumps({"url": url, "answer": outcome(done.returncode, done.stderr, folder)}, ensure_ascii=False) + "\n")
    (FOLDER / "urls/recorded.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} URLs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
