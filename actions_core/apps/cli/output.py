"""What goes to the terminal: consoles, tables, errors, exit codes. Only this module knows how they look."""

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

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from actions_core.errors import Problem
    from actions_core.values.types import Json


class Exit(enum.IntEnum):
    """The exit codes: what a script may rely on."""

    OK = 0
    FAILURES = 1
    FAULTY = 2
    UNDELIVERABLE = 3
    INTERRUPTED = 130


#: Wide enough for tables in a file or a pipe, where no terminal says how wide it is.
_PIPE_WIDTH = 120


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    # No markup, emoji or highlighting: what is printed comes from files, events and answers.
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


@functools.cache
def out() -> Console:
    """The console of results: standard output."""
    return _console(stderr=False)


@functools.cache
def err() -> Console:
    """The console of everything about the run itself: standard error."""
    return _console(stderr=True)


def plain(text: object) -> str:
    """A text from outside that may be shown: a terminal must not obey what an event or an answer says."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in str(text))


def _escaped(char: str) -> str:
    return " " if char in "\t\u00a0\u3000" else char.encode("unicode_escape").decode("ascii")


def cell(value: object, style: str = "") -> Text:
    """A table's cell."""
    return Text(plain(value), style=style, overflow="fold")


def table(*columns: str, title: str = "", numbers: Iterable[str] = ()) -> Table:
    """An empty table in the one style that all commands use; columns among `numbers` stand to the right."""
    made = Table(
        title=plain(title) or None,
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
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_json(value: Json) -> None:
    """Print a value for a program to read."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")


def print_problems(problems: Iterable[Problem], *, file: str = "", console: Console | None = None) -> None:
    """One line for each problem: file, path, sentence."""
    console = console or err()
    for problem in problems:
        line = Text(f"{plain(file)}: " if file else "", style="bold")
        line.append(f"{plain(problem.path)}: ", style="cyan not bold")
        if problem.severity == "warning":
            line.append("warning: ", style="yellow not bold")
        line.append(plain(problem.message), style="not bold")
        console.print(line, soft_wrap=True)


def complain(message: str) -> None:
    """Say on standard error what is wrong."""
    line = Text("error: ", style="bold red").append(plain(message), style="not bold default")
    err().print(line, soft_wrap=True)


def fail(message: str, code: Exit = Exit.FAULTY) -> NoReturn:
    """Say what is wrong and end with the exit code for it."""
    complain(message)
    raise typer.Exit(code)


class ConsoleHandler(logging.Handler):
    """Prints what the library logs on standard error, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        line = Text(f"{record.levelname.lower()}: ", style=style)
        err().print(line.append(plain(record.getMessage()), style="default"), soft_wrap=True)
