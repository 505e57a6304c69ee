"""The browser that a user agent names, and its version, as Mixpanel's own libraries tell them apart."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: The first row that fits names the browser: its name, a mark of it, and what stands before its version.
_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Opera Mini", r"\A(?s:(?=.* OPR/).*Mini)", ""),
    ("Opera", r" OPR/", r"(?:Opera|OPR)/"),
    ("BlackBerry", r"(?i:BlackBerry|PlayBook|BB10)", r"BlackBerry "),
    ("Internet Explorer Mobile", r"IEMobile|WPDesktop", r"rv:"),
    ("Samsung Internet", r"SamsungBrowser/", r"SamsungBrowser/"),
    ("Microsoft Edge", r"Edge|Edg/", r"Edge?/"),
    ("Facebook Mobile", r"FBIOS", ""),
    ("Chrome", r"Chrome", r"Chrome/"),
    ("Chrome iOS", r"CriOS", r"CriOS/"),
    ("UC Browser", r"UCWEB|UCBrowser", r"(?:UCBrowser|UCWEB)/"),
    ("Firefox iOS", r"FxiOS", r"FxiOS/"),
    ("Mobile Safari", r"\A(?s:(?=.*Safari).*iPhone)", r"Version/"),
    ("Safari", r"Safari", r"Version/"),
    ("Android Mobile", r"Android", r"android\s"),
    ("Konqueror", r"Konqueror", r"Konqueror:"),
    ("Firefox", r"Firefox", r"Firefox/"),
    ("Internet Explorer", r"MSIE|Trident/", r"(?:rv:|MSIE )"),
    ("Mozilla", r"Gecko", r"rv:"),
)
_BROWSERS: Final = tuple(
    (name, re.compile(mark), re.compile(f"{before}([0-9]+(?:\\.[0-9]+)+)") if before else None)
    for name, mark, before in _ROWS
)


@lru_cache(maxsize=512)
def read_browser(user_agent: str) -> tuple[str, str | None]:
    """Return the browser's name, "" for an unknown one, and its version, None without one."""
    for name, mark, version in _BROWSERS:
        if mark.search(user_agent):
            found = version.search(user_agent) if version else None
            return name, found[1] if found else None
    return "", None
