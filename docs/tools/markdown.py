"""What the generated pages have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Return a text as a cell of a table: one line, in which no sign ends the cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where there are no rows."""
    listed = [" | ".join(row) for row in rows]
    if not listed:
        return ""
    lines = [" | ".join(head), "|".join("---" for _ in head), *listed]
    return "\n".join(f"|{line}|" if set(line) <= set("-|") else f"| {line} |" for line in lines) + "\n"
