"""Reading NDJSON from files and pipes."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from actions_core.apps.cli.events.lines import EventLine
from actions_core.apps.cli.events.reader import EventReader
from actions_core.apps.cli.events.sources import find_sources
from actions_core.errors import EventError

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
