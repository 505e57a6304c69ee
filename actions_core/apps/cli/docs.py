"""`actions docs`: write the page of a destination in Markdown."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from actions_core.apps.cli.catalog import find
from actions_core.authoring.docs_page import destination_page
from actions_core.destination.loading import load_definition

Subject = Annotated[
    str,
    typer.Argument(
        metavar="DESTINATION",
        help="A slug or an alias, as `actions list` shows, or the file of a definition.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write the page to this file."),
]


def docs(subject: Subject, *, output: Output = None) -> None:
    """Write a destination's page: overview, settings, presets, actions with their fields."""
    # Only what looks like a path is a file: a name stays a name, even if a file has it too.
    is_file = subject.endswith(".json") or "/" in subject or "\\" in subject
    spec = load_definition(subject) if is_file else find(subject).spec
    page = destination_page(spec)
    if output is None:
        sys.stdout.write(page)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")
