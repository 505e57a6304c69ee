"""Check that the pages of a built site ask no other host for anything: `python docs/tools/offline.py FOLDER`.

Links that a reader may follow are free; what a browser loads by itself is not.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

#: For each element, the attributes that a browser follows by itself.
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "use": "href"}
#: Relations of a `link` that name a page and load nothing.
NAMING = {"canonical", "next", "prev", "index", "search", "author", "copyright", "license"}
ELSEWHERE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"(?:@import\s+|url\()\s*['\"]?((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)
IN_SCRIPTS = re.compile(r"(?:fetch|import|importScripts)\(\s*['\"]((?:https?:)?//[^'\"]+)", re.IGNORECASE)


class _Page(HTMLParser):
    """The addresses that a page has a browser load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what this element loads."""
        values = dict(attrs)
        address = values.get(LOADED.get(tag, ""))
        if tag == "link" and set((values.get("rel") or "").split()) <= NAMING:
            return
        if address and ELSEWHERE.match(address):
            self.addresses.append(address)


def find_requests(folder: Path) -> list[str]:
    """Return every address of another host that a file of a site loads, with the file."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in {".html", ".css", ".js"}:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            page = _Page()
            page.feed(text)
            addresses = [*page.addresses, *IN_STYLES.findall(text)]
        else:
            addresses = (IN_STYLES if path.suffix == ".css" else IN_SCRIPTS).findall(text)
        found += [f"{path.relative_to(folder)}: {address}" for address in addresses]
    return found


def main() -> None:
    """Check the site in the folder that is named; end with 1 if a page needs another host."""
    [folder] = map(Path, sys.argv[1:])
    if not (folder / "searchindex.js").exists():
        sys.exit(f"{folder} contains no site with a search")
    found = find_requests(folder)
    if found:
        sys.exit("\n".join(["These pages load something from other hosts:", *found]))
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder}/index.html, which need no network")


if __name__ == "__main__":
    main()
