"""The screenshots of docs/images, made by the real commands in a real browser: `python tools/site/screenshots.py [FOLDER]`.

notebook.png  a value and an error as notebooks show them
jobs.png      the page that `snowsnake jobs --html` writes
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import browser

ROOT = Path(__file__).resolve().parent.parent.parent
_PAGE = "<!doctype html><meta charset=utf-8><body style='font:15px sans-serif;margin:16px;background:#fff'>{}</body>"
_JOBS = """
let job = name: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; };
    named = names: builtins.listToAttrs (map (name: { inherit name; value = job name; }) names) // { recurseForDerivations = true; };
in {
  tools = named [ "compiler" "linker" "debugger" ];
  services = named [ "web" "db" ] // { mail = throw "the mail server needs a host name"; };
  broken = (job "x").nosuch;
}
"""


def make(folder: Path) -> None:
    """Writes both pictures."""
    import snowsnake

    value = snowsnake.evaluate('{ pname = "hello"; meta = { platforms = [ "x86_64-linux" ]; license = "gpl3"; }; build = x: x; src = throw "not fetched"; }')
    value.force()["meta"].force(deep=True)
    try:
        snowsnake.evaluate("let f = x: x.port; in map f [ { port = 80; } { prot = 81; } ]").to_python()
        raise RuntimeError("no error")
    except snowsnake.EvaluationError as error:
        shown = error._repr_html_()
    with tempfile.TemporaryDirectory() as work, browser() as found:
        (Path(work) / "notebook.html").write_text(_PAGE.format(value._repr_html_() + "<hr>" + shown))
        (Path(work) / "release.nix").write_text(_JOBS)
        subprocess.run(
            [Path(sys.executable).parent / "snowsnake", "jobs", "./release.nix", "--workers", "2", "--no-instantiate", "--html", "jobs.html"],
            cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.DEVNULL, check=True, timeout=120,
        )  # fmt: skip
        report = Path(work) / "jobs.html"
        report.write_text(report.read_text().replace(os.path.realpath(work), "/home/ada").replace(work, "/home/ada"))
        for name, height in (("notebook", 420), ("jobs", 620)):
            page = found.new_page(viewport={"width": 860, "height": height})
            page.goto(f"file://{work}/{name}.html")
            for summary in page.query_selector_all("details:not([open]) > summary"):
                if name == "notebook":
                    summary.click()
            page.screenshot(path=str(folder / f"{name}.png"))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
