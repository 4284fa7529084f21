"""Pictures of what commands print in a terminal, made by running them: name → SVG."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = {
    "error": [
        "snowsnake", "eval", "-E", "let\n  ports = { http = 80; https = 443; };\n  look = name: ports.${name};\nin map look [ \"http\" \"htpps\" ]",
        "--strict", "--show-trace",
    ],
    "disassembly": ["snowsnake", "disassemble", "-E", "let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in fib 20"],
    "trace": ["snowsnake", "eval", "-E", "let double = x: x + x; in double (double 5)", "--trace-runtime"],
}  # fmt: skip


def pictures() -> dict[str, str]:
    """A picture of the terminal for each command above; RuntimeError if one prints nothing."""
    import io

    from rich.console import Console
    from rich.text import Text

    found = {}
    for name, words in SHOWN.items():
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "SNOWSNAKE_NO_CACHE": "1", "FORCE_COLOR": "1", "NIX_CONF_DIR": folder, "COLUMNS": "96"}
            environment.pop("NO_COLOR", None)
            program = [str(Path(sys.executable).parent / words[0])]
            done = subprocess.run([*program, *words[1:]], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if not done.stdout:
            raise RuntimeError(f"no output of {words}")
        console = Console(record=True, width=96, file=io.StringIO(), force_terminal=True)
        shown = " ".join(word if word.isidentifier() or word.startswith("-") else f"'{word}'" for word in words)
        console.print(Text(f"$ {shown}", style="bold"))
        console.print(Text.from_ansi(done.stdout.decode()))
        picture = console.export_svg(title="snowsnake", unique_id=f"snow-{name}")
        # The picture must not load fonts from elsewhere.
        found[name] = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.S)
    return found
