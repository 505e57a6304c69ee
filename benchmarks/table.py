"""The table that a run prints."""

from __future__ import annotations

import attrs

_HEAD = ("", "reference", "ours", "median ratio", "target", "")


@attrs.frozen
class Row:
    """One measure: what each side took, how they compare, and what is asked for."""

    name: str
    reference: str
    ours: str
    ratio: str
    target: str
    met: bool

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        return self.name, self.reference, self.ours, self.ratio, self.target, "met" if self.met else "MISSED"


def print_table(rows: list[Row]) -> None:
    """Print the rows in columns: names to the left, numbers to the right."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    for line in lines:
        first, *others = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        numbers = [text.strip().rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first, *numbers]).rstrip())
