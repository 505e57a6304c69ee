"""Draw the pictures of docs/explanation: an event's way, and the house. `make reference` writes them.

SVG of our own: boxes and arrows with a background, so that they can be read on light and dark pages.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final

import attrs

FOLDER = Path(__file__).parents[1] / "explanation"
_LOOKS: Final = """\
<style>
  .page { fill: #ffffff; }
  .box { fill: #eef3fb; stroke: #3a5fa0; stroke-width: 1.5; }
  .io { fill: #fdf1df; stroke: #b06b12; stroke-width: 1.5; }
  .end { fill: #e9f6ec; stroke: #2f7d43; stroke-width: 1.5; }
  .arrow { stroke: #444; stroke-width: 1.5; fill: none; marker-end: url(#tip); }
  text { font: 14px system-ui, sans-serif; fill: #1b1b1b; }
  .name { font-weight: 600; }
  .small { font-size: 12px; fill: #444; }
</style>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0,0 L10,5 L0,10 z" fill="#444"/></marker></defs>"""


@attrs.frozen
class Box:
    """A box with a name, and up to two lines below it."""

    x: int
    y: int
    width: int
    name: str
    lines: tuple[str, ...] = ()
    look: str = "box"
    height: int = 64

    def draw(self) -> str:
        """Return the box as SVG."""
        middle = self.x + self.width // 2
        top = self.y + (self.height - 17 * len(self.lines)) // 2 + 5
        parts = [
            f'<rect class="{self.look}" x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="7"/>',
            f'<text class="name" x="{middle}" y="{top}" text-anchor="middle">{escape(self.name)}</text>',
        ]
        for number, line in enumerate(self.lines, start=1):
            parts.append(
                f'<text class="small" x="{middle}" y="{top + 17 * number}" text-anchor="middle">{escape(line)}</text>'
            )
        return "\n".join(parts)


def arrow(*points: tuple[int, int]) -> str:
    """Return an arrow through points."""
    return f'<path class="arrow" d="M{" L".join(f"{x},{y}" for x, y in points)}"/>'


def note(x: int, y: int, text: str) -> str:
    """Return a small line of text."""
    return f'<text class="small" x="{x}" y="{y}">{escape(text)}</text>'


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return a whole picture, with a title for those who do not see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            _LOOKS,
            f'<rect class="page" width="{width}" height="{height}" rx="10"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def the_way_of_an_event() -> str:
    """Draw the steps of an event, in two rows, and its three ends."""
    first = [
        Box(24, 40, 124, "event", ("a copy of its own",), "io"),
        Box(180, 40, 124, "filters", ("integrations,", "consent, DROP …")),
        Box(336, 40, 124, "subscription", ("its condition", "(FQL)")),
        Box(492, 40, 124, "mapping", ("directives",)),
        Box(648, 40, 124, "validation", ("coerce, check", "against fields")),
    ]
    second = [
        Box(648, 170, 124, "handler", ("the destination's", "function")),
        Box(492, 170, 124, "request", ("plain data",)),
        Box(336, 170, 124, "client", ("rate, breaker,", "retries, tokens")),
        Box(180, 170, 124, "transport", ("the only place", "that sends"), "io"),
        Box(24, 170, 124, "destination", ("its API",), "io"),
    ]
    ends = [
        Box(180, 300, 124, "skipped", ("and why",), "end", 52),
        Box(492, 300, 124, "failed", ("code, problems,", "or dead letter"), "end", 56),
        Box(24, 300, 124, "sent", ("the response",), "end", 52),
    ]
    parts = [box.draw() for box in (*first, *second, *ends)]
    parts += [arrow((left.x + left.width, 72), (right.x, 72)) for left, right in pairwise(first)]
    parts += [arrow((right.x, 202), (left.x + left.width, 202)) for right, left in pairwise(second)]
    parts += [
        arrow((710, 104), (710, 170)),
        arrow((242, 104), (242, 140), (320, 140), (320, 326), (304, 326)),
        arrow((86, 234), (86, 300)),
        arrow((554, 104), (554, 140), (632, 140), (632, 328), (616, 328)),
        arrow((398, 234), (398, 328), (492, 328)),
        note(336, 22, "compiled when the workspace is loaded"),
        note(
            24, 380, "Each subscription has a result of its own: what fails in one does not touch the others."
        ),
    ]
    return picture(796, 396, "The way of an event, from the event to its result", parts)


_FLOORS: Final = (
    ("apps", "cli · console · server: programs for people", "io"),
    (
        "authoring | delivery | telemetry",
        "advice, import, tests of mappings | outbox, broker | OpenTelemetry",
        "box",
    ),
    ("testing", "recorded network, loopback server, conformance suite", "box"),
    ("engine", "workspace, filters, pipeline, executor, Engine", "box"),
    ("destination", "definitions, handlers, context, registry", "box"),
    (
        "http | mapping | subscriptions | validation",
        "requests and transport | directives | FQL | fields",
        "box",
    ),
    ("values", "JSON, missing, paths, times, hashing", "box"),
    ("errors", "ActionsError and Problem", "box"),
)


def the_house() -> str:
    """Draw the floors of the package, and the destinations beside it."""
    parts = [
        Box(24, 24 + 62 * number, 560, name, (text,), look, 52).draw()
        for number, (name, text, look) in enumerate(_FLOORS)
    ]
    parts += [
        Box(640, 210, 170, "destinations", ("FullStory and others,", "and your own"), "end", 76).draw(),
        Box(640, 24, 170, "your program", ("imports public names",), "io", 60).draw(),
        arrow((640, 54), (584, 54)),
        arrow((640, 248), (584, 298)),
        note(640, 306, "import public names only,"),
        note(640, 322, "and never each other"),
        arrow((606, 410), (606, 480)),
        note(616, 450, "higher floors import lower ones,"),
        note(616, 466, "never the other way"),
    ]
    return picture(
        834, 532, "The house: the packages of actions_core from the programs down to the errors", parts
    )


def drawings() -> dict[str, str]:
    """Return every picture by its file's name."""
    return {"event.svg": the_way_of_an_event(), "house.svg": the_house()}
