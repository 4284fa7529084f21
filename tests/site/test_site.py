"""The site as readers meet it: no link is broken, nothing comes from elsewhere, and a real browser shows and searches it, also on a phone."""

import fcntl
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "site"))
SITE = ROOT / "build" / "site"
# The width of a phone's screen in pixels.
PHONE = 390


def need(reason: str) -> None:
    """Skips where something is missing; in CI, which installs it, that is a fault."""
    if reason:
        assert not os.environ.get("SNOWSNAKE_ALL_TESTS"), f"not installed: {reason}"
        pytest.skip(f"not installed: {reason}")


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built from the current files; pages that have not changed are not built again.  One process at a time builds."""
    import importlib.util

    need(", ".join(name for name in ("sphinx", "myst_parser", "furo") if importlib.util.find_spec(name) is None))
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / ".site-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, "tools/site/build.py"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return SITE


class Page(HTMLParser):
    """Links, anchors and what the browser loads by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        self.anchors |= {attributes[name] for name in ("id", "name") if name in attributes}
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ("img", "script", "iframe", "source") and "src" in attributes:
            self.loaded.append(attributes["src"])
        if tag == "link" and "href" in attributes and attributes.get("rel") not in ("canonical",):
            self.loaded.append(attributes["href"])


def pages_of(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_no_link_is_broken(site) -> None:
    pages, broken = pages_of(site), []
    assert len(pages) > 50
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{path.relative_to(site)}: {link} (no such place)")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site) -> None:
    for path, page in pages_of(site).items():
        assert [link for link in page.loaded if urlsplit(link).scheme not in ("", "data") or urlsplit(link).netloc] == [], path
    for picture in site.rglob("*.svg"):
        assert "url(\"http" not in picture.read_text() and "@import" not in picture.read_text(), picture


def test_every_kind_of_page_is_there(site) -> None:
    for name in ("tutorial/index", "how-to/nix-eval", "reference/api-snowsnake", "reference/commands", "reference/settings", "builtins", "errors",
                 "bytecode", "reference/statistics", "explanation/why-fast", "architecture", "stability"):  # fmt: skip
        assert (site / "docs" / f"{name}.html").is_file(), name


def test_every_page_fits_a_phone_in_a_real_browser(site) -> None:
    """Every page on a phone: nothing is wider than the screen, no error of its scripts, nothing asked of the network."""
    from browser import browser, missing

    need(missing())
    faults: list[str] = []
    with browser() as found:
        page = found.new_page(viewport={"width": PHONE, "height": 800})
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on("request", lambda request: faults.append(f"{page.url} asks for {request.url}") if not request.url.startswith(("file:", "data:")) else None)
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri())
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE:
                faults.append(f"{path.relative_to(site)} is {width} pixels wide")
    assert faults == []


def test_search_works_without_a_network(site) -> None:
    from browser import browser, missing

    need(missing())
    with browser() as found:
        page = found.new_page(viewport={"width": 1200, "height": 800})
        page.goto((site / "index.html").as_uri())
        page.fill("input[name=q]", "unsafeGetAttrPos")
        page.press("input[name=q]", "Enter")
        page.wait_for_selector("#search-results li a", timeout=60_000)
        hits = page.eval_on_selector_all("#search-results li a", "links => links.map(link => link.getAttribute('href'))")
    assert any("builtins.html" in hit for hit in hits) and any("nix-eval.html" in hit for hit in hits)


def test_screenshots_are_made_by_the_real_thing(tmp_path) -> None:
    """The screenshots can be taken again, and the committed ones are current: they have the same size, and as much in them."""
    from browser import missing

    need(missing())
    import screenshots

    screenshots.make(tmp_path)
    made = {path.name for path in tmp_path.glob("*.png")}
    assert made == {path.name for path in (ROOT / "docs" / "images").glob("*.png")}
    for name in made:
        old, new = (ROOT / "docs" / "images" / name).read_bytes(), (tmp_path / name).read_bytes()
        assert old[16:24] == new[16:24] and len(new) > len(old) / 2, f"{name} shows something else: make screenshots"
