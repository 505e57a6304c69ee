"""Output of commands: consoles, tables, requests, errors, exit codes. No other module knows how they look."""

from __future__ import annotations

import enum
import functools
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from actions_core.http.curl import all_headers
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import NoReturn

    from actions_core.errors import Problem
    from actions_core.http.requests import Request
    from actions_core.values.types import Json


class Exit(enum.IntEnum):
    """The exit codes that a script may rely on."""

    OK = 0
    FAILURES = 1
    FAULTY = 2
    UNDELIVERABLE = 3
    INTERRUPTED = 130


#: Wide enough for tables in a file or a pipe, where no terminal says how wide it is.
_PIPE_WIDTH = 120


def _console(*, to_stderr: bool) -> Console:
    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    # No markup, emoji or highlighting: what is printed comes from files, events and responses.
    return Console(stderr=to_stderr, markup=False, emoji=False, highlight=False, width=width)


@functools.cache
def stdout() -> Console:
    """Return the console on standard output, for results."""
    return _console(to_stderr=False)


@functools.cache
def stderr() -> Console:
    """Return the console on standard error, for everything about the run itself."""
    return _console(to_stderr=True)


def printable(text: object) -> str:
    """Escape control characters, so that a terminal does not obey what an event or a response says."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in str(text))


def _escaped(char: str) -> str:
    return " " if char in "\t\u00a0\u3000" else char.encode("unicode_escape").decode("ascii")


def cell(value: object, style: str = "") -> Text:
    """Return the text of a table's cell."""
    return Text(printable(value), style=style, overflow="fold")


def make_table(*columns: str, title: str = "", numbers: Iterable[str] = ()) -> Table:
    """Return an empty table in the style of all commands, the columns `numbers` aligned to the right."""
    made = Table(
        title=printable(title) or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    right = set(numbers)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it takes one."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def print_json(value: Json) -> None:
    """Print a value for a program to read."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def write_json(file: Path, value: Json) -> None:
    """Write a value to a file for people to edit; make its folder if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def print_problems(problems: Iterable[Problem], *, file: str = "", console: Console | None = None) -> None:
    """Print one line for each problem: file, path, sentence."""
    console = console or stderr()
    for problem in problems:
        line = Text(f"{printable(file)}: " if file else "", style="bold")
        line.append(f"{printable(problem.path)}: ", style="cyan not bold")
        if not problem.is_error:
            line.append("warning: ", style="yellow not bold")
        line.append(printable(problem.message), style="not bold")
        console.print(line, soft_wrap=True)


def print_request(request: Request) -> None:
    """Print a request as it goes over the wire, its JSON indented."""
    console = stdout()
    console.print(Text(printable(f"{request.method} {request.url}"), style="bold"), soft_wrap=True)
    for name, value in all_headers(request).items():
        console.print(Text(printable(f"{name}: {value}")), soft_wrap=True)
    body = _body(request)
    if body:
        console.print()
        console.print(Text(printable(body)), soft_wrap=True)


def _body(request: Request) -> str:
    if request.json is not MISSING:
        return json.dumps(request.json, ensure_ascii=False, indent=2)
    content = request.content()[0]
    return "" if content is None else content.decode("utf-8", "replace")


def print_error(message: str) -> None:
    """Print an error to standard error."""
    line = Text("error: ", style="bold red").append(printable(message), style="not bold default")
    stderr().print(line, soft_wrap=True)


def fail(message: str, code: Exit = Exit.FAULTY) -> NoReturn:
    """Print an error and end the command with an exit code."""
    print_error(message)
    raise typer.Exit(code)


class ConsoleHandler(logging.Handler):
    """A log handler that prints to standard error, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        line = Text(f"{record.levelname.lower()}: ", style=style)
        stderr().print(line.append(printable(record.getMessage()), style="default"), soft_wrap=True)
