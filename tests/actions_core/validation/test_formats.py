"""Formats of text: what each takes and refuses, and that no text makes one slow."""

from __future__ import annotations

import pytest

from actions_core.validation.formats import CHECKS, NAMES
from tests.timing import takes_at_most

CASES = {
    "date": (
        ["2026-01-02", "2024-02-29", "0000-02-29"],
        [
            "",
            "2026-1-2",
            "2023-02-29",
            "2026-13-01",
            "2026-01-02T00:00:00Z",
            "2026-01-02\n",
            "\u0662\u0660\u0662\u0666-01-02",
        ],
    ),
    "time": (
        ["10:20:30", "10:20:30Z", "10:20:30.123+01:00", "10:20:30-0100", "10:20:30+01", "23:59:60z"],
        ["10:20", "24:00:00", "22:59:60", "10:20:30+25:00", "10:20:30.", "T10:20:30"],
    ),
    "date-time": (
        ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05", "2026-01-02 03:04:05.1+02:00"],
        ["2026-01-02", "2026-01-02T03:04Z", "2026-02-30T03:04:05Z", "2026-01-02_03:04:05Z"],
    ),
    "date-like": (
        [
            "4",
            "1700000000",
            "1700000000.5",
            "-1",
            "2026-01-02",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:05.000Z",
            "01/01/1990",
            "Jan 2, 2026",
            "Fri, 02 Jan 2026 03:04:05 GMT",
        ],
        ["", " ", "nope", "room 5", "2026-02-30", "4.", "1/2"],
    ),
    "email": (
        ["jane@example.com", "a.b+c@x-y.co.uk", "o'neil@x.test"],
        ["jane", "a@b", "a..b@c.de", ".a@b.cd", "a@-b.cd", "a@b.cd.", "a@b@c.de", "ü@b.cd", '"a b"@c.de'],
    ),
    "hostname": (
        ["example.com", "localhost", "a-b.c.", "1.2.3.4", "x" * 63 + ".y"],
        ["", ".", "-a.b", "a-.b", "a_b.c", "a..b", "x" * 64 + ".y", ".".join(["abcd"] * 51)],
    ),
    "ipv4": (["1.2.3.4", "255.255.255.255"], ["256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4\n", "0x1.2.3.4"]),
    "ipv6": (
        ["::1", "::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
        ["1.2.3.4", "fe80::1%eth0", "[::1]", "12345::", "1:2:3", ":::"],
    ),
    "uri": (
        ["https://x.test/a?b=1#c", "x:y", "mailto:a@b.c", "http://[::1]:80/a", "http://u@h/%41", "urn:a:b"],
        ["http:", "x", "//h/p", "1a:b", "http://a b", "http://é", "x:%4", "http://[::z]/", "a:b#c#d"],
    ),
    "uri-reference": (["", "/a/b", "?q", "#f", "//[::1]/", "http://x/"], ["a b", "%zz", "[x]", "//[x]/"]),
    "uri-template": (["http://x/{a}", "{+a,b:3,c*}", "%41"], ["{", "{}", "a b", "%zz", "{a"]),
    "uuid": (
        ["550e8400-e29b-41d4-a716-446655440000", "urn:uuid:550E8400-e29b-41d4-a716-446655440000"],
        ["550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g", "uuid"],
    ),
    "regex": (["^a+$", "[a-z]", "[[a]"], ["(", "[", "*", "a" * 1001]),
}


@pytest.mark.parametrize("name", CASES)
def test_format(name: str) -> None:
    """Each format takes what it describes and refuses what only looks like it."""
    right, wrong = CASES[name]
    assert [text for text in right if not CHECKS[name](text)] == []
    assert [text for text in wrong if CHECKS[name](text)] == []


def test_every_format_is_known() -> None:
    """Every format that is checked has a name in sentences, and cases here."""
    assert CHECKS.keys() == NAMES.keys() == CASES.keys()


PIECES = [
    "a",
    "1",
    "-",
    ".",
    "a.",
    "a-",
    ":",
    "::",
    "%41",
    "{a}",
    "{a,",
    "/",
    "@",
    "a@",
    "2026-01-02T",
    "?#",
    "\ud800",
]


@pytest.mark.parametrize("name", CASES)
def test_long_text(name: str) -> None:
    """Text made to hurt takes time in proportion to its length, and raises nothing."""
    with takes_at_most(10):
        for piece in PIECES:
            for end in ("", "!", "@", "\n", "]"):
                CHECKS[name](piece * 20_000 + end)
                CHECKS[name]("http://" + piece * 20_000 + end)
