"""Events as they stand in a file: a line each, one over many lines, several in a line, or a list of all.

A line that is not JSON is one fault, and so is an event over many lines that is broken: reading goes on
where the next event seems to begin, so that a fault takes nothing with it. Bytes are kept as latin-1
text here, a character for each, because JSON's own signs are ASCII and Python scans text faster.
"""

from __future__ import annotations

import enum
import json
import re
from typing import TYPE_CHECKING, Final, Literal

import attrs

from actions_core.apps.events.decoding import decode
from actions_core.errors import EventError
from actions_core.values.json_files import parse_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actions_core.values.types import Json

#: What is longer is cut: no event may be nearly as long, and memory must stay flat.
LONGEST_EVENT: Final = 4 * 1024 * 1024
#: Without the end of a line for so long, events may follow each other in one line.
_LONG_LINE: Final = 256 * 1024
#: Text that is still incomplete is scanned again at each read up to this size, then each time it has doubled.
_SCANNED_EACH_TIME: Final = 64 * 1024
_DEEPEST: Final = 200
_CHUNK: Final = 64 * 1024

_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
_BLANK: Final = re.compile(r"[ \t\r\n]*+")
_COMMAS: Final = re.compile(r"[ \t\r\n,]*+")
#: A string that its line cuts off ends with the line, as JSON has no line breaks in strings.
_TOKEN: Final = re.compile(r'"(?:[^"\\\n]++|\\.)*+"?|[{}\[\]]')
_PLAIN_VALUE_ENDS: Final = re.compile(r"[,\]\n]")
_ITEM_BEGINS: Final = re.compile(r"\n[ \t]*+[{\]]")
_EVENT_BEGINS: Final = re.compile(r"\n[{\[]")
_PARTNERS: Final = {"}": "{", "]": "["}
_SCANNER: Final = json.JSONDecoder()


class _Mark(enum.Enum):
    UNREAD = enum.auto()  # no value has been read yet
    AGAIN = enum.auto()  # something was skipped; the next event may be there
    BROKEN = enum.auto()  # brackets that fit no JSON


@attrs.frozen
class EventLine:
    """An event's text, not blank, and its place: the file, and the line in it, counted from 1.

    `ordinal` counts the events of the file from 1. `error` is set where the text could not even be read.
    """

    number: int
    text: bytes
    file: str = ""
    ordinal: int = 0
    error: EventError | None = None
    _value: Json | _Mark = _Mark.UNREAD

    @property
    def place(self) -> str:
        """The place in words."""
        return f"{self.file}, line {self.number}" if self.file else f"line {self.number}"

    def parse(self) -> Json:
        """Read the event; raises `EventError` for anything that strict JSON does not have."""
        if self._value is not _Mark.UNREAD:
            return self._value
        if self.error is not None:
            raise self.error
        if len(self.text) >= LONGEST_EVENT:
            raise EventError(f"the line is longer than {LONGEST_EVENT // 1024 // 1024} MB")
        return parse_events(self.text)


def read_file(path: Path) -> Iterator[EventLine]:
    """Read a whole file at once. Raises `OSError` and `DecodingError`."""
    splitter = EventSplitter()
    with path.open("rb") as file:
        for piece in decode(iter(lambda: file.read(_CHUNK), b"")):
            yield from splitter.feed(piece)
    yield from splitter.end()


class EventSplitter:
    """Splits the bytes of one file into events, as they come."""

    def __init__(self, file: str = "") -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._number = 1
        self._count = 0
        self._ended = False
        self._is_first = True
        self._lists = False  # the file begins with a list, so lists contain events
        self._in_list = 0  # the line in which the list begins, 0 outside of lists
        self._discards_line = False
        self._scan_from = 0

    def feed(self, data: bytes) -> Iterator[EventLine]:
        """Take the next bytes, and yield each event that is complete now."""
        self._text = self._text[self._at :] + data.decode("latin-1")
        self._at = 0
        if len(self._text) >= self._scan_from:
            yield from self._events()

    def end(self) -> Iterator[EventLine]:
        """Yield what is left when no more bytes come."""
        self._ended = True
        yield from self._events()
        if self._in_list:
            error = EventError(f"the list that begins in line {self._in_list:,} has no end")
            yield self._line("", self._number, error)

    def fault(self, message: str) -> EventLine:
        """Return a fault at this place of the file, with the text that can no longer be completed."""
        text = self._text[self._at :]
        self._at = len(self._text)
        self._in_list = 0
        return self._line(text, self._number, EventError(message))

    def _events(self) -> Iterator[EventLine]:
        self._scan_from = 0
        while (event := self._next_item() if self._in_list else self._next_line()) is not None:
            if event is not _Mark.AGAIN:
                yield event

    def _line(
        self, text: str, number: int, error: EventError | None = None, value: Json = _Mark.UNREAD
    ) -> EventLine:
        self._count += 1
        data = text[:LONGEST_EVENT].encode("latin-1")
        return EventLine(number, data, self._file, self._count, error, value)

    def _move(self, end: int) -> None:
        self._number += self._text.count("\n", self._at, end)
        self._at = end

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found is not None and found.end() > self._at:
            self._move(found.end())

    def _take(self, end: int) -> EventLine:
        start, number = self._at, self._number
        self._move(end)
        return self._line(self._text[start:end], number)

    def _wait(self) -> None:
        """Ask for more bytes, or for many more where the event is long already."""
        size = len(self._text) - self._at
        self._scan_from = 2 * size if size > _SCANNED_EACH_TIME else 0

    def _lacks_end(self) -> bool:
        return not self._ended and len(self._text) - self._at < LONGEST_EVENT

    def _next_line(self) -> EventLine | Literal[_Mark.AGAIN] | None:
        """Return the next event outside of a list; None when more bytes are needed."""
        if self._discards_line:
            end = self._text.find("\n", self._at)
            self._discards_line = end < 0
            self._move(len(self._text) if end < 0 else end)
        self._skip(_BLANK)
        if (
            self._is_first
            and not self._ended
            and _BYTE_ORDER_MARK.startswith(self._text[self._at : self._at + 3])
        ):
            return None  # it may be half of a byte order mark
        if self._text.startswith(_BYTE_ORDER_MARK, self._at):
            self._at += len(_BYTE_ORDER_MARK)
            self._skip(_BLANK)
        text, at = self._text, self._at
        if at == len(text):
            return None
        if self._is_first:
            self._is_first = False
            self._lists = text[at] == "["
        if self._lists and text[at] == "[":
            self._in_list = self._number
            self._at += 1
            return _Mark.AGAIN
        end = text.find("\n", at)
        if end < 0:
            if not self._ended:
                return self._of_long_line() if len(text) - at >= _LONG_LINE else None
            end = len(text)
        if (event := self._whole_line(end)) is not None:
            return event
        return self._take(end) if text[at] not in "{[" else self._of_lines(end)

    def _whole_line(self, end: int) -> EventLine | None:
        """Return the event of a line that is one event, as nearly all are."""
        text = self._text[self._at : end]
        try:
            value = parse_events(text.encode("latin-1"))
        except EventError:
            return None
        event = self._line(text, self._number, value=value)
        self._at = end
        return event

    def _of_lines(self, end: int) -> EventLine | None:
        """Return the first event of a line that is not one event: a part of it, or it and more lines."""
        text, at = self._text, self._at
        found = _value_end(text, at)
        if found is not None:
            line_end = text.find("\n", found)
            follows = text[found : len(text) if line_end < 0 else line_end].strip()
            if not follows or follows[0] in "{[":
                return self._take(found)
            return self._take(end)
        closing = _closing(text, at)
        if closing is None and self._lacks_end():
            self._wait()
            return None
        if isinstance(closing, int):
            return self._take(max(closing, end))
        # The next event begins where a line begins with a bracket.
        begins = _EVENT_BEGINS.search(text, at, at + LONGEST_EVENT)
        if begins is not None:
            return self._take(begins.start())
        return self._take(len(text)) if closing is None and self._ended else self._take(end)

    def _of_long_line(self) -> EventLine | None:
        """Return the first event of a line that has no end yet."""
        text, at = self._text, self._at
        found = _value_end(text, at) if text[at] in "{[" else None
        if found is not None:
            return self._take(found)
        if self._lacks_end():
            self._wait()
            return None
        self._discards_line = True
        return self._take(len(text))

    def _next_item(self) -> EventLine | Literal[_Mark.AGAIN] | None:
        """Return the next event of a list; None when more bytes are needed."""
        self._skip(_COMMAS)
        text, at = self._text, self._at
        if at == len(text):
            return None
        if text[at] == "]":
            self._in_list = 0
            self._at += 1
            return _Mark.AGAIN
        end = _value_end(text, at)
        if end is None or (end == len(text) and not self._ended):
            end = self._broken_item_end() if text[at] in "{[" else self._plain_item_end()
        if end is None:
            self._wait()
            return None
        return self._take(end)

    def _plain_item_end(self) -> int | None:
        """Return where a value ends that is neither an object nor a list; None for more bytes."""
        found = _PLAIN_VALUE_ENDS.search(self._text, self._at)
        if found is not None:
            return max(found.start(), self._at + 1)
        return None if self._lacks_end() else len(self._text)

    def _broken_item_end(self) -> int | None:
        """Return where an item ends that is not JSON so far; None for more bytes."""
        text, at = self._text, self._at
        closing = _closing(text, at)
        if isinstance(closing, int):
            return closing
        begins = _ITEM_BEGINS.search(text, at, at + LONGEST_EVENT) if closing else None
        if begins is not None:
            return begins.start()
        return None if self._lacks_end() else len(text)


def _value_end(text: str, at: int) -> int | None:
    """Return where the JSON value ends that begins here, None where there is none."""
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return None


def _closing(text: str, at: int) -> int | Literal[_Mark.BROKEN] | None:
    """Return where the bracket that begins here is closed, None where the text ends before."""
    open_brackets: list[str] = []
    for token in _TOKEN.finditer(text, at):
        sign = token[0]
        if sign in "{[":
            if open_brackets and not _may_open(text, token.start(), open_brackets[-1]):
                return _Mark.BROKEN
            open_brackets.append(sign)
            if len(open_brackets) > _DEEPEST:
                return _Mark.BROKEN
        elif sign in "}]":
            if open_brackets.pop() != _PARTNERS[sign]:
                return _Mark.BROKEN
            if not open_brackets:
                return token.end()
    return None


def _may_open(text: str, at: int, container: str) -> bool:
    """Return whether an object or a list may begin here, by the sign before it."""
    at -= 1
    while text[at] in " \t\r\n":
        at -= 1
    return text[at] == ":" if container == "{" else text[at] in "[,"
