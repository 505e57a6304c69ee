"""The site: every page has its place, and none needs another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.tools.offline import find_requests

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIAL = (DOCS / "writing" / "tutorial.md").read_text(encoding="utf-8")
SAVED = re.compile(r"Save this as `(helpdesk/[\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_page_has_a_place_in_the_contents() -> None:
    """Each page stands once in the contents of the site, by its name or by the pattern of its folder."""
    listed: list[str] = []
    home = (DOCS / "index.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", home, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                pages = sorted(DOCS.glob(f"{line}.md"))
                assert pages, line
                listed += [page.relative_to(DOCS).as_posix() for page in pages]
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted({*pages} - {"index.md"})


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.html", '<a href="https://x.example">x</a>', []),
        ("a.html", '<link rel="canonical" href="https://x.example">', []),
        ("a.html", '<link rel="stylesheet" href="style.css"><script src="a.js"></script>', []),
        ("a.html", '<link rel="stylesheet" href="https://x.example/a.css">', ["https://x.example/a.css"]),
        ("a.html", '<script src="//x.example/a.js"></script>', ["//x.example/a.js"]),
        ("a.html", '<img src="HTTPS://x.example/a.png">', ["HTTPS://x.example/a.png"]),
        ("a.html", "<style>@import 'https://x.example/a.css';</style>", ["https://x.example/a.css"]),
        ("a.css", "p { background: url(https://x.example/a.png) }", ["https://x.example/a.png"]),
        ("a.js", 'fetch("https://x.example/a")', ["https://x.example/a"]),
        ("a.js", "// see https://x.example/a", []),
    ],
)
def test_what_a_browser_loads_from_elsewhere_is_found(
    tmp_path: Path, name: str, text: str, found: list[str]
) -> None:
    """Styles, scripts and pictures of other hosts are found; links that a reader may follow are not."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert find_requests(tmp_path) == [f"{name}: {address}" for address in found]


def test_the_tutorial_makes_the_example() -> None:
    """Each file that the tutorial has a reader save is that of `examples/helpdesk`; it has no other case."""
    saved = dict(SAVED.findall(TUTORIAL))
    folder = ROOT / "examples"
    assert {name: (folder / name).read_text(encoding="utf-8") for name in saved} == saved
    cases = {
        path.relative_to(folder).as_posix() for path in (folder / "helpdesk" / "tests" / "cases").iterdir()
    }
    assert cases == {name for name in saved if "/cases/" in name}
