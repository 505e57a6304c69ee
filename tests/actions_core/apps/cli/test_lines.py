"""Splitting and reading events of files and pipes."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.cli.events.reader import EventReader
from actions_core.apps.cli.events.sources import find_sources
from actions_core.apps.events import decoding
from actions_core.apps.events.lines import EventLine, EventSplitter, read_file
from actions_core.errors import EventError

zstd = decoding._zstd()

if TYPE_CHECKING:
    from pathlib import Path


def read_all(reader: EventReader) -> list[tuple[int, bytes]]:
    """Every line of a reader."""

    async def read() -> list[tuple[int, bytes]]:
        return [(line.number, line.text) async for line in reader.lines()]

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"1\n2\n", [(1, b"1"), (2, b"2")]),
        (b"1\n2", [(1, b"1"), (2, b"2")]),
        (b"\n  \n1\r\n\n2\n\n", [(3, b"1\r"), (5, b"2")]),
        (b"x" * 200_000 + b"\ny\n", [(1, b"x" * 200_000), (2, b"y")]),
    ],
)
def test_lines_are_numbered_and_blank_ones_left_out(
    tmp_path: Path, content: bytes, expected: list[tuple[int, bytes]]
) -> None:
    """A line keeps its number in the file; blank lines count but do not come."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(content)
    assert read_all(EventReader(find_sources([str(file)]).files)) == expected


def test_what_was_not_read_can_be_counted(tmp_path: Path) -> None:
    """After a stop the lines that were not taken are counted, blank ones not."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"1\n\n2\n3\n\n4\n")
    reader = EventReader(find_sources([str(file)]).files)

    async def read_two() -> None:
        async for line in reader.lines():
            if line.number == 3:
                reader.stop()

    asyncio.run(read_two())
    assert [(rest.path, rest.taken) for rest in reader.rest()] == [(file, 2)]


def test_a_stop_does_not_wait_for_input(tmp_path: Path) -> None:
    """A reader that waits at a pipe which nobody writes to ends when it is stopped."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: os.open(pipe, os.O_WRONLY))
    writer.start()
    reader = EventReader(find_sources([str(pipe)]).files)

    async def read() -> int:
        asyncio.get_running_loop().call_later(0.05, reader.stop)
        return len([line async for line in reader.lines()])

    assert asyncio.run(asyncio.wait_for(read(), 5)) == 0
    assert (reader.rest(), reader.is_open()) == ([], True)
    writer.join()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "not JSON: "),
        (b"{'a': 1}", "not JSON: "),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": Infinity}', "Infinity is not JSON"),
        (b'{"a": "\xff"}', "byte 8 is not UTF-8"),
        (b"[" * 200_000, "nested deeper"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of 5,000 digits is too long"),
        (b"1" * (4 * 1024 * 1024), "longer than 4 MB"),
    ],
    ids=["cut", "quotes", "nan", "infinity", "utf-8", "deep", "digits", "long"],
)
def test_what_is_no_json_is_an_event_error(text: bytes, said: str) -> None:
    """Anything that strict JSON does not have is an `EventError` of that line, whatever it is."""
    with pytest.raises(EventError, match=said):
        EventLine(1, text).parse()


def test_a_byte_order_mark_is_no_fault() -> None:
    """A file written with a byte order mark reads like any other."""
    assert EventLine(1, b'\xef\xbb\xbf{"a": 1}').parse() == {"a": 1}


EVENTS = [{"type": "track", "a": {"b": [1, {"c": "}{[\n"}]}}, {"type": "page", "n": "\u00e9"}]


def pieces(text: str, size: int) -> list[tuple[int, Any]]:
    """The events of a text that comes in pieces of a size: line and value, None for what is not JSON."""
    splitter = EventSplitter()
    data = text.encode()
    found = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    made: list[tuple[int, Any]] = []
    for line in [*found, *splitter.end()]:
        try:
            made.append((line.number, line.parse()))
        except EventError:
            made.append((line.number, None))
    return made


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n".join(map(json.dumps, EVENTS)), [(1, EVENTS[0]), (2, EVENTS[1])]),
        (json.dumps(EVENTS), [(1, EVENTS[0]), (1, EVENTS[1])]),
        ("\ufeff" + json.dumps(EVENTS, ensure_ascii=False), [(1, EVENTS[0]), (1, EVENTS[1])]),
        (json.dumps(EVENTS, indent=2), [(2, EVENTS[0]), (13, EVENTS[1])]),
        ("".join(map(json.dumps, EVENTS)), [(1, EVENTS[0]), (1, EVENTS[1])]),
        ("".join(json.dumps(event, indent=2) for event in EVENTS), [(1, EVENTS[0]), (11, EVENTS[1])]),
        ('{\n"a":\n{\n"b": 1\n}\n}\n{"c": 1}', [(1, {"a": {"b": 1}}), (7, {"c": 1})]),
        ('[{"a": 1}]\n[]\n[{"b": 1}]', [(1, {"a": 1}), (3, {"b": 1})]),
    ],
    ids=["lines", "list", "mark", "indented", "joined", "indented-joined", "unindented", "lists"],
)
def test_events_are_read_as_what_they_are(text: str, expected: list[tuple[int, Any]], size: int) -> None:
    """Lines, a list, events over many lines or several in a line: each event, with its first line."""
    assert pieces(text, size) == expected


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n{"a": 1}\n[1]\n{"b": 1}', [(1, None), (2, {"a": 1}), (3, [1]), (4, {"b": 1})]),
        ('{"x":\n{"a": 1}\n{"b": 1}\n', [(1, None), (2, {"a": 1}), (3, {"b": 1})]),
        ('{"x": "y\n{"a": 1}\n', [(1, None), (2, {"a": 1})]),
        ('{\n "x": 1,\n}\n{\n "a": 1\n}\n', [(1, None), (4, {"a": 1})]),
        ('{\n "x": y,\n "z": {\n  "c": 1\n }\n}\n{"a": 1}', [(1, None), (7, {"a": 1})]),
        ('{"a": 1} junk\n{"b": 1}\n', [(1, None), (2, {"b": 1})]),
        ('[\n {"a": 1},\n {"x": },\n {"b": 1}\n]', [(2, {"a": 1}), (3, None), (4, {"b": 1})]),
        ('[{"a": 1}, tru, "x", {"b": 1}]', [(1, {"a": 1}), (1, None), (1, "x"), (1, {"b": 1})]),
        ('[\n {"a": 1},\n {"x": 1', [(2, {"a": 1}), (3, None), (3, None)]),
        ('[{"a": 1}\n', [(1, {"a": 1}), (2, None)]),
    ],
)
def test_a_fault_takes_nothing_with_it(text: str, expected: list[tuple[int, Any]], size: int) -> None:
    """What is not JSON is one fault with its line, and the events around it are read."""
    assert pieces(text, size) == expected


def test_long_and_hopeless_text_is_read_in_linear_time() -> None:
    """Megabytes without an end, and faults without number, are gone through about once."""
    for text in ('{"a":\n' * 2_000, "[" * 300_000, "{" + '"a": 1,\n' * 30_000, "[{" * 50_000):
        started = time.process_time()
        assert pieces(text, 65_536)
        assert time.process_time() - started < 20
    (first, second) = pieces("1" * 9_000_000 + '\n{"a": 1}', 65_536)
    assert (first[1], second) == (None, (2, {"a": 1}))


def packed(data: bytes) -> dict[str, bytes]:
    """The same bytes in every form that files have."""
    half = len(data) // 2
    text = data.decode()
    return {
        "plain": data,
        "gzip": gzip.compress(data),
        "gzip members": gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(512),
        "zstd": zstd.compress(data),
        "zstd frames": zstd.compress(data[:half]) + zstd.compress(data[half:]),
        "utf-16": text.encode("utf-16"),
        "utf-16-be": b"\xfe\xff" + text.encode("utf-16-be"),
        "utf-16 without a mark": text.encode("utf-16-le"),
        "utf-16 in gzip": gzip.compress(text.encode("utf-16")),
        "mark": b"\xef\xbb\xbf" + data,
    }


@pytest.mark.parametrize("form", list(packed(b"")))
def test_a_file_is_what_its_bytes_say(tmp_path: Path, form: str) -> None:
    """Packed or not, UTF-8 or UTF-16, whatever its name: the same events."""
    data = (
        "\n".join(json.dumps({"n": n, "t": "\u00e9\U0001f600"}, ensure_ascii=False) for n in range(5000))
    ).encode()
    file = tmp_path / "events.data"
    file.write_bytes(packed(data)[form])
    lines = list(read_file(file))
    assert [line.parse()["n"] for line in lines] == list(range(5000))
    assert {line.parse()["t"] for line in lines} == {"\u00e9\U0001f600"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(b'{"a": 1}\n' * 50_000)[:-20], r"cut off|ends in the middle, after [\d,]+ bytes"),
        (gzip.compress(b'{"a": 1}\n') + b"rubbish", "gzip data is damaged near byte 3"),
        (zstd.compress(b'{"a": 1}\n' * 50_000)[:-5], "ends in the middle"),
        (b'\xff\xfe{\0"\0a', "middle of a UTF-16 character"),
    ],
    ids=["gzip", "rubbish", "zstd", "utf-16"],
)
def test_what_is_cut_off_says_where(tmp_path: Path, data: bytes, said: str) -> None:
    """All whole events of a damaged file are read; then one fault says what is wrong and where."""
    file = tmp_path / "events.gz"
    file.write_bytes(data)
    reader = EventReader(find_sources([str(file)]).files)

    async def read() -> list[EventLine]:
        return [line async for line in reader.lines()]

    *good, last = asyncio.run(read())
    assert [line.parse() for line in good[:1]] == [{"a": 1}] * bool(good)
    with pytest.raises(EventError, match=said):
        last.parse()


def test_files_folders_and_patterns_are_found(tmp_path: Path) -> None:
    """A folder stands for its files of events; what is passed over is said; nothing is read twice."""
    for name in ("b/2.gz", "a/1.ndjson", "a/x.failures.2.ndjson", "a/.hidden.json", "README.md", "c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_sources([str(tmp_path), str(tmp_path / "*.jsonl"), str(tmp_path / "a" / "1.ndjson")])
    names = [source.path.relative_to(tmp_path).as_posix() for source in found.files if source.path]
    assert names == ["a/1.ndjson", "b/2.gz", "c.jsonl"]
    notes = "\n".join(found.notes)
    assert "x.failures.2.ndjson of an earlier run passed over" in notes
    assert "1 file (README.md) passed over" in notes
    assert notes.count("is named twice, and read once") == 2


def test_every_argument_that_means_no_file_is_told_at_once(tmp_path: Path) -> None:
    """A missing file, an empty folder, a pattern without a match and an archive are refused together."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04rest")
    arguments = [str(tmp_path / name) for name in ("absent", "empty", "*.gz", "x.zip")]
    with pytest.raises(EventError) as caught:
        find_sources(arguments)
    said = [problem.message for problem in caught.value.problems]
    assert [text.partition(";")[0] for text in said] == [
        "there is no such file",
        "there is no file of events in this folder",
        "no file matches this pattern",
        "it is a zip archive",
    ]


def test_without_its_package_zstd_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is named, with the command that installs it, before anything is sent."""
    file = tmp_path / "a.zst"
    file.write_bytes(zstd.compress(b"{}"))
    monkeypatch.setattr(decoding, "_zstd", lambda: None)
    with pytest.raises(EventError, match=r"pip install 'actions-core\[cli\]'"):
        find_sources([str(file)])


def test_little_that_unpacks_to_much_stays_small() -> None:
    """A few compressed bytes are unpacked in pieces, however much they stand for."""
    bomb = gzip.compress(bytes(50_000_000))
    assert max(map(len, decoding.decode([bomb]))) <= 256 * 1024
