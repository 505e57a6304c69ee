"""Read the Markdown of a destination's page, as `actions docs` writes it, into blocks that a page can show.

No more than what that page is made of: headings, paragraphs, lists, tables, code, links, emphasis. Nothing
becomes HTML on the way, so whatever a definition contains is shown as the text that it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.authoring.docs_page import anchor

if TYPE_CHECKING:
    from collections.abc import Iterator

RunKind: TypeAlias = Literal["text", "code", "strong", "link", "break"]

#: What stands in a line: an escaped sign, a break, code in its backticks, a link, emphasis.
_INLINE: Final = re.compile(
    r"""\\(?P<escaped>[\\`*_<>|\[\]()#+\-.!])
    |(?P<break><br>)
    |(?<!`)(?P<ticks>`++)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
    |\[(?P<label>[^\[\]]+)\]\((?P<target>[^()\s]+)\)
    |\*\*(?P<strong>[^*]+)\*\*""",
    re.VERBOSE,
)
_CELL: Final = re.compile(r"(?<!\\)\|")
_RULE: Final = re.compile(r"\|( --- \|)+")
_HEADING: Final = re.compile(r"(#{1,6}) (.*)")


@attrs.frozen
class Run:
    """A piece of a line. `target` is the address of a link: a heading of this page, or a page of the web."""

    kind: RunKind
    text: str = ""
    target: str = ""


@attrs.frozen
class Heading:
    """A heading of a level, and the anchor by which links name it."""

    level: int
    runs: tuple[Run, ...]
    anchor: str


@attrs.frozen
class Paragraph:
    """A paragraph."""

    runs: tuple[Run, ...]


@attrs.frozen
class Listing:
    """A list of lines."""

    items: tuple[tuple[Run, ...], ...]


@attrs.frozen
class Grid:
    """A table."""

    head: tuple[tuple[Run, ...], ...]
    rows: tuple[tuple[tuple[Run, ...], ...], ...]


Block: TypeAlias = Heading | Paragraph | Listing | Grid


def read_blocks(markdown: str) -> Iterator[Block]:
    """Read the blocks of a page; what is none of the others is a paragraph."""
    seen: dict[str, int] = {}
    for part in re.split(r"\n{2,}", markdown.strip("\n")):
        lines = part.split("\n")
        heading = _HEADING.fullmatch(part)
        if heading is not None:
            runs = read_runs(heading[2])
            yield Heading(len(heading[1]), runs, _numbered("".join(run.text for run in runs), seen))
        elif len(lines) > 1 and _RULE.fullmatch(lines[1]) is not None:
            yield Grid(_cells(lines[0]), tuple(_cells(line) for line in lines[2:]))
        elif all(line.startswith("- ") for line in lines):
            yield Listing(tuple(read_runs(line[2:]) for line in lines))
        else:
            yield Paragraph(read_runs(" ".join(lines)))


def read_runs(line: str) -> tuple[Run, ...]:
    """Read the pieces of a line."""
    return tuple(_merged(_runs(line)))


def _runs(line: str) -> Iterator[Run]:
    end = 0
    for found in _INLINE.finditer(line):
        yield Run("text", line[end : found.start()])
        end = found.end()
        if found["escaped"] is not None:
            yield Run("text", found["escaped"])
        elif found["break"] is not None:
            yield Run("break")
        elif found["code"] is not None:
            code = found["code"].replace("\\|", "|")
            # A space on both sides keeps backticks inside apart from those around.
            yield Run("code", code[1:-1] if code[:1] == code[-1:] == " " and code.strip() else code)
        elif found["label"] is not None:
            yield _link(found["label"], found["target"])
        else:
            yield Run("strong", found["strong"])
    yield Run("text", line[end:])


def _link(label: str, target: str) -> Run:
    """Return a link to a heading or to the web; any other address is just its text."""
    if target.startswith(("#", "https://", "http://")):
        return Run("link", label, target)
    return Run("text", f"{label} ({target})")


def _merged(runs: Iterator[Run]) -> Iterator[Run]:
    """Join pieces of text that follow each other, and leave empty ones out."""
    text = ""
    for run in runs:
        if run.kind == "text":
            text += run.text
            continue
        if text:
            yield Run("text", text)
            text = ""
        yield run
    if text:
        yield Run("text", text)


def _cells(line: str) -> tuple[tuple[Run, ...], ...]:
    return tuple(read_runs(cell.strip()) for cell in _CELL.split(line.strip()[1:-1]))


def _numbered(title: str, seen: dict[str, int]) -> str:
    """Return the anchor of a heading, numbered where another has the same text."""
    name = anchor(title)
    number = seen[name] = seen.get(name, -1) + 1
    return f"{name}-{number}" if number else name
