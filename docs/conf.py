"""The site of docs/: Sphinx with MyST and Furo, for `make docs`.

Every page is Markdown that reads well in a repository too. Search needs no server, and no page asks another host
for anything: `docs/tools/offline.py` checks it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]

project = "actions-core"
copyright = "the maintainers of actions-core"  # noqa: A001 - the name that Sphinx reads
release = version = _PROJECT["version"]
extensions = ["myst_parser"]
exclude_patterns = ["tools", "theme"]
suppress_warnings: list[str] = []

#: Links to headings, spelled as in a repository's pages; a link that leads nowhere is a warning, thus an error.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

html_theme = "furo"
html_title = f"actions-core {version}"
html_static_path = ["theme"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# Plain text is what commands print.
highlight_language = "text"
