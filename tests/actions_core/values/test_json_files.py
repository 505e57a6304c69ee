"""JSON files: what is wrong with them, and where."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import DefinitionError, EventError
from actions_core.values.json_faults import MAX_DEPTH, json_problems
from actions_core.values.json_files import parse_events, parse_json, read_json
from tests.trials import examples

if TYPE_CHECKING:
    from pathlib import Path

DEEP = "$: nothing may be nested deeper than 100 levels"
SYNTAX = {
    "half an object": ('{"a": [1,\n 2', "f:2:3: the file ends too early"),
    "half a text": ('{"a": "b', "f:1:7: the string that begins here has no end"),
    "half a text in a deep file": ("[" * 100_000 + '"a', DEEP),
    "empty": ("", "f:1:1: the file is empty"),
    "only blanks": (" \n ", "the file is empty"),
    "a comma too many": ('{"a": 1,}', "f:1:8: no comma may stand before the end of an object"),
    "a comma too many in a list": ("[1 , ]", "f:1:4: no comma may stand before the end of a list"),
    "no comma": ("[1\n2]", "f:2:1: a comma or the end"),
    "no colon": ('{"a" 1}', "f:1:6: a colon is expected here"),
    "a bare key": ("{a: 1}", "f:1:2: a key in double quotes is expected here"),
    "a bare word": ('{"a": tru}', "f:1:7: a value is expected here"),
    "two values": ("1 2", "f:1:3: the JSON ends before this"),
    "a line break in a text": ('{"a": "x\ny"}', "f:1:9: a control character"),
    "an escape that is none": (r'["\x"]', "f:1:3: there is no such escape"),
}
NOT_PLAIN = {
    "NaN": ('{"a": [1, NaN]}', "$.a[1]: NaN is not JSON (line 1, column 11)"),
    "infinity": ('[{"b": -Infinity}]', "$[0].b: -Infinity is not JSON (line 1, column 8)"),
    "a number too large": ('{"a":\n 1e400}', "$.a: the number '1e400' is too large (line 2, column 2)"),
    "an endless number": (f'{{"a": {"9" * 5000}}}', "$.a: a number of 5,000 digits is too long"),
    "a key twice": (
        '{"a": {"b.c": 1, "b.c": 2}}',
        r"$.a.b\.c: the key 'b.c' is given twice (line 1, column 18)",
    ),
    "a key twice in other spelling": (r'{"a": 1, "\u0061": 2}', "$.a: the key 'a' is given twice"),
    "half a surrogate pair": (r'["x", "\ud800"]', "$[1]: half of a surrogate pair"),
    "half a surrogate pair as a key": (r'{"\uDFFF": 1}', r"$.\udfff: half of a surrogate pair"),
    "too deep": (
        "[" * 101 + "]" * 101,
        f"{DEEP} (line 1, column 101)",
    ),
    "much too deep": ("[" * 100_000 + "]" * 100_000, DEEP),
    "deep objects": (
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        DEEP,
    ),
}


@pytest.mark.parametrize(("text", "said"), [*SYNTAX.values(), *NOT_PLAIN.values()], ids=[*SYNTAX, *NOT_PLAIN])
def test_a_fault_is_named_with_its_place(text: str, said: str) -> None:
    """What is no JSON, and what Python would read although it is none, is refused with line and column."""
    with pytest.raises(DefinitionError) as caught:
        parse_json(text, "f")
    assert said in str(caught.value)
    assert str(caught.value).startswith("f")


def test_all_that_is_not_plain_is_named_at_once() -> None:
    """One reading finds every such fault."""
    with pytest.raises(DefinitionError) as caught:
        parse_json('{"a": NaN, "b": 1, "b": {"c": 1e999}, "d": "NaN"}', "f")
    assert [problem.path for problem in caught.value.problems] == ["$.a", "$.b", "$.b.c"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'\xef\xbb\xbf{"a": 1}', ":1:1: the file begins with a byte order mark"),
        ('{"a": 1}'.encode("utf-16"), ":1:1: the file is UTF-16"),
        (b'{"a":\n "\xe9"}', ":2:3: byte 0xe9 is not UTF-8"),
    ],
)
def test_a_file_is_utf_8(tmp_path: Path, data: bytes, said: str) -> None:
    """Another encoding is refused, and the sentence says what to do."""
    path = tmp_path / "sample.json"
    path.write_bytes(data)
    with pytest.raises(DefinitionError) as caught:
        read_json(path)
    assert str(path) + said in str(caught.value)


@pytest.mark.parametrize("name", ["absent.json", "", "a\0b", "x" * 5000])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A missing file, a folder and an impossible name are errors of ours."""
    with pytest.raises(DefinitionError):
        read_json(str(tmp_path / name) if name != "a\0b" else name)


def test_what_json_can_say_is_read(tmp_path: Path) -> None:
    """Escapes, pairs of surrogates and braces inside text are no faults, nor is the last allowed level."""
    path = tmp_path / "sample.json"
    path.write_text(r'{"a": ["\ud83d\ude00", "{[NaN", 1e300, -0.5], "b": null}', "utf-8")
    assert read_json(path) == {"a": ["😀", "{[NaN", 1e300, -0.5], "b": None}
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert str(parse_json(deepest, "f")) == deepest


TOKENS = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        '"a"',
        '"b"',
        "1",
        "-",
        "NaN",
        "1e999",
        "null",
        '"',
        "\\",
        r'"\ud800"',
        " ",
        "\n",
    ]
)


@given(st.lists(TOKENS, max_size=12).map("".join))
@settings(deadline=None, max_examples=examples(300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in another way, and what it accepts is plain JSON."""
    with contextlib.suppress(DefinitionError):
        assert json_problems(parse_json(text, "f")) == []


def holding_itself() -> list[Any]:
    """A list that is its own item."""
    items: list[Any] = []
    items.append(items)
    return items


def doubling() -> list[Any]:
    """A short list that would fill any memory if it were written out."""
    items: list[Any] = [1]
    for _ in range(60):
        items = [items, items]
    return items


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"a": {1: 2}}, "$.a"),
        ({"a": (1, 2)}, "$.a"),
        ({"a": [float("nan")]}, "$.a[0]"),
        ({"a.b": float("-inf")}, r"$.a\.b"),
        ({"a": 10**5000}, "$.a"),
        ({"a": b"bytes"}, "$.a"),
        (holding_itself(), "$" + "[0]" * 100),
        (doubling(), "$"),
    ],
)
def test_what_python_made_is_checked_as_well(data: Any, path: str) -> None:
    """A value that is no JSON is named with its path, also one that holds itself."""
    assert [problem.path for problem in json_problems(data)] == [path]


LINES = {
    "a duplicate key": (b'{"a": 1, "a": 2}', "$.a: the key 'a' is given twice (character 10)"),
    "a number too large": (b'{"a": 1e400}', "$.a: the number '1e400' is too large (character 7)"),
    "half a surrogate pair": (rb'{"a": "\\\ud83d"}', "$.a: half of a surrogate pair"),
    "too deep": (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", DEEP),
    "bad syntax behind a fault": (b'{"a": NaN, "b" 1}', "not JSON: a colon is expected here (character 16)"),
    "the second line": (b'{"a":\n NaN}', "$.a: NaN is not JSON (line 2, column 2)"),
    "a cut line": (b'{"a": ', "not JSON: the text ends too early"),
}


@pytest.mark.parametrize(("data", "said"), LINES.values(), ids=LINES)
def test_events_are_read_as_strictly_as_files(data: bytes, said: str) -> None:
    """What a file must not contain, a line of events must not contain either."""
    with pytest.raises(EventError) as caught:
        parse_events(data)
    assert said in str(caught.value)


def test_escaped_pairs_of_surrogates_are_characters_in_events() -> None:
    """A pair of escapes is one character, and an escaped backslash before `ud83d` is none of it."""
    assert parse_events(rb'{"a": "\ud83d\ude00", "b": "\\ud83d"}') == {"a": "\U0001f600", "b": "\\ud83d"}
