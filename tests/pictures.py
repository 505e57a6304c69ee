"""Take the pictures of the console in `docs/pictures`, of what the demo delivered: wide, narrow, light, dark.

`python tests/pictures.py` needs Chromium; `CHROMIUM` names one that is not called so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
SIZES = {"wide": (1280, 860), "narrow": (390, 844)}
#: Each picture: the address of its page, and what has to be seen before it is taken.
PAGES = {
    "destinations": ("/", "In this workspace"),
    "settings": ("/i/fullstory/settings", "API Key"),
    "mapping": ("/i/fullstory/s/0", "Would be sent"),
    "deliveries": ("/deliveries", "What became of events"),
    "letters": ("/letters", "Dead letters"),
    "event": ("/event/sample-002", "fullstory"),
}
#: Milliseconds after which charts and icons have been drawn.
_STILL = 1000
#: Bytes of all pictures together: they are in everyone's clone.
MOST = 2_400_000


@contextmanager
def demo_console() -> Iterator[str]:
    """Run the demo into a folder, and the console on it; yield the address that lets a browser in."""
    environment = {**os.environ, "FULLSTORY_API_KEY": "na1.standard"}
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, str(ROOT / "examples/demo.py"), folder]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
        command = ["-m", "actions_core.apps.cli", "console", "workspace.json", "--port", "0", "--json"]
        with subprocess.Popen(  # noqa: S603 - as above
            [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield json.loads(process.stdout.readline() if process.stdout else "")["url"]
            finally:
                process.terminate()


def take(page: Page, address: str, text: str, file: Path) -> None:
    """Take the picture of a page once it stands still."""
    page.goto(address)
    page.locator(".console-main").get_by_text(text).first.wait_for()
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_timeout(_STILL)
    page.screenshot(path=file, animations="disabled")


def take_all(browser: Browser, entrance: str) -> None:
    """Take every picture."""
    parts = urlsplit(entrance)
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                timezone_id="UTC",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(entrance)
            for name, (address, text) in PAGES.items():
                file = FOLDER / f"{name}-{size}-{scheme}.png"
                take(page, f"{parts.scheme}://{parts.netloc}{address}", text, file)
            context.close()


def main() -> None:
    """Take the pictures, and tell how large they are."""
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if program is None:
        sys.exit("there is no Chromium: apt-get install chromium, or name one with CHROMIUM=")
    FOLDER.mkdir(exist_ok=True)
    with demo_console() as entrance, sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        take_all(browser, entrance)
        browser.close()
    size = sum(file.stat().st_size for file in FOLDER.glob("*.png"))
    print(f"{len(PAGES) * 4} pictures in docs/pictures, {size / 1000:,.0f} kB")
    if size > MOST:
        sys.exit(f"that is more than {MOST / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
