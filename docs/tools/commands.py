"""The page of the command line, made from the commands."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer.main

from actions_core.apps.cli.app import app
from docs.tools.markdown import cell, table

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# Command line

`actions` comes with the extra `cli`: `pip install 'actions-core[cli]'`. Each command explains itself with `--help`;
this page is made from the same words.

Exit codes of all commands:

| code | meaning |
|---|---|
| 0 | all well |
| 1 | some events failed, or a check found errors |
| 2 | wrong usage, or a faulty file |
| 3 | nothing could be delivered: authentication, or no connection |
| 130 | interrupted, after a summary of what was sent, failed and not tried |

A full or closed standard output changes no exit code. `NO_COLOR` is respected, and `--json` prints for programs where
a command has it.
"""


def every_command() -> Iterator[tuple[str, Any, Any]]:
    """Yield each command that can be run, with its full name and a context to ask it in."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("actions", ["--help"], resilient_parsing=True)
    yield from _below("actions", group, context)


def _below(name: str, command: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
    listed = getattr(command, "list_commands", None)
    if listed is None:
        yield name, command, context
        return
    for part in listed(context):
        found = command.get_command(context, part)
        inner = type(context)(found, info_name=part, parent=context)
        yield from _below(f"{name} {part}", found, inner)


def option_names(command: Any) -> list[str]:
    """Return the spellings of a command's options."""
    return [
        name
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
    ]


def write_page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name, command, context in every_command():
        parts.append(f"## `{name}`\n\n{inspect.cleandoc(command.help or '').strip()}\n")
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        parts.append(f"`{usage}`\n")
        rows = []
        for parameter in command.params:
            if getattr(parameter, "hidden", False):
                continue
            record = parameter.get_help_record(context)
            if record is not None:
                shown, text = record
                rows.append((f"`{cell(shown)}`", cell(text) or "as its name says"))
        parts.append(table(("argument or option", "what it does"), rows))
    return "\n".join(parts)
