"""The page of all published destinations: which actions are requests in JSON, and what the others need.

It is counted from drafts, each of which was loaded and compared with the published code on random events.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actions_core.values.types import JsonObject

#: Packages beside which a destination cannot be written, and what they are for.
_NEEDS: Final[Mapping[str, str]] = {
    "aws4": "requests signed for AWS",
    "@aws-sdk": "an SDK of AWS",
    "google-libphonenumber": "phone numbers of all countries",
    "kafkajs": "a Kafka client",
    "ssh2-sftp-client": "an SFTP client",
    "@bufbuild/protobuf": "Protocol Buffers",
    "@amplitude/ua-parser-js": "user agents read",
}
_REQUIRE: Final = re.compile(r"require\(\"((?:@[^/\"]+/)?[^/\"]+)")
_SIGNING: Final = re.compile(r"RS256|ES256|createECDH|createSign\b")
#: How long a reason in the page may be.
_LONGEST: Final = 100

JSON, SOME, PYTHON, BESIDE, NOTHING = (
    "in JSON alone",
    "in JSON and Python",
    "in Python",
    "needs more",
    "no request seen",
)
#: The classes in the order of the page, and what they say.
CLASSES: Final[Mapping[str, str]] = {
    JSON: "every action is a request in JSON, inferred and equal on fresh random events",
    SOME: "some actions are, the others want a function",
    PYTHON: "every action wants a function",
    BESIDE: "as above, and something that this library does not bring",
    NOTHING: "no call made a request: a stub, or one that wants what random events do not have",
}


@attrs.frozen
class Row:
    """A destination in the page: how many actions it has, those in JSON, and why the others are not."""

    folder: str
    name: str
    actions: int
    equal: tuple[str, ...]
    different: tuple[str, ...]
    reasons: Mapping[str, str]
    needs: tuple[str, ...] = ()
    #: those of the equal ones that are it but for values in the path, which are quoted
    quoted: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The class of the destination."""
        if self.needs:
            return BESIDE
        if self.actions and len(self.equal) == self.actions:
            return JSON
        if not self.equal and not self.different and self.reasons:
            silent = [reason for reason in self.reasons.values() if reason.startswith("only 0 of")]
            if len(silent) == self.actions:
                return NOTHING
        return SOME if self.equal else PYTHON


def needs_of(sources: Iterable[JsonObject]) -> tuple[str, ...]:
    """Return what the sources of a destination use that this library does not bring."""
    found: dict[str, None] = {}
    for source in sources:
        for package in _REQUIRE.findall(source["text"]):
            for name, what in _NEEDS.items():
                if package == name or package.startswith(f"{name}/"):
                    found[what] = None
        if _SIGNING.search(source["text"]):
            found["tokens signed with a private key"] = None
    return tuple(found)


def catalogue_page(rows: Sequence[Row], version: str, total: int) -> str:
    """Return the page in Markdown, of `total` destinations that there are."""
    kinds = Counter(row.kind for row in rows)
    actions = sum(row.actions for row in rows)
    equal = sum(len(row.equal) for row in rows)
    different = sum(len(row.different) for row in rows)
    by_class = {kind: sum(row.actions for row in rows if row.kind == kind) for kind in CLASSES}
    reasons = Counter(_reason(reason) for row in rows for reason in row.reasons.values())
    lines = [
        "# Segment's catalogue",
        "",
        f"{len(rows)} of the {total} destinations of {version}, as `actions port draft` makes",
        "them: each definition was loaded, a request was inferred for each action that runs on a server,",
        "and compared with the published code on fresh random events. `actions port catalogue` writes this",
        "page.",
        "",
        f"Of {actions} actions, a request in JSON was inferred for {equal + different}; {equal} of these",
        f"were equal at once{_but_for(rows)}.",
        "A request that was not inferred may be written by hand; what is counted here is what needs no hand.",
        "",
        "| class | destinations | actions | |",
        "|---|---:|---:|---|",
        *(f"| {kind} | {kinds[kind]} | {by_class[kind]} | {what} |" for kind, what in CLASSES.items()),
        f"| all | {len(rows)} | {actions} | |",
        "",
        "| actions | |",
        "|---:|---|",
        f"| {equal} | a request in JSON was inferred, and was equal at once |",
        f"| {different} | a request in JSON was inferred, and some fresh events differ |",
        *(f"| {number} | {reason} |" for reason, number in reasons.most_common()),
        "",
        "| destination | class | actions | in JSON | differ | what is beside that |",
        "|---|---|---:|---:|---:|---|",
        *(_line(row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _but_for(rows: Sequence[Row]) -> str:
    quoted = sum(len(row.quoted) for row in rows)
    return f", {quoted} of them but for values in a path, which ours quotes on purpose" if quoted else ""


def _reason(reason: str) -> str:
    """Return the kind of reason for which no request was inferred."""
    if reason.endswith("follows no rule that was tried"):
        part = next(
            (word for word in ("header", "URL") if word in reason.split(" follows", maxsplit=1)[0]),
            "body or query",
        )
        return f"a part of the {part} follows no rule that was tried"
    if reason.startswith("only ") and reason.endswith("calls made a request"):
        return "too few calls made a request"
    if reason.startswith("the published one calls"):
        return "it calls an SDK"
    return _without_values(reason)


def _without_values(reason: str) -> str:
    return re.sub(r"\d+", "…", reason.split(":", maxsplit=1)[0])


def _line(row: Row) -> str:
    reasons = Counter(map(_without_values, row.reasons.values()))
    beside = [*row.needs, *(f"{reason} ({number})" for reason, number in reasons.most_common(2))]
    text = "; ".join(map(_shortened, beside)).replace("|", "\\|").replace("\n", " ")
    return f"| {row.folder} | {row.kind} | {row.actions} | {len(row.equal)} | {len(row.different)} | {text} |"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
