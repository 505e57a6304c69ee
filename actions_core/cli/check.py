"""`actions check`: every fault of workspaces, definitions and mappings, by file and path."""

import enum
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from actions_core.cli.options import AsJson
from actions_core.cli.output import Exit, err, out, plain, print_json, print_problems
from actions_core.engine import Engine
from actions_core.errors import ActionsError, Problem
from actions_core.loading import check_definition
from actions_core.mapping import validate_mapping
from actions_core.registry import Registry
from actions_core.types import Json, JsonObject
from actions_core.workspace import Workspace


class Kind(enum.StrEnum):
    """What a file is taken for."""

    AUTO = "auto"
    WORKSPACE = "workspace"
    DEFINITION = "definition"
    MAPPING = "mapping"


Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", exists=True, dir_okay=False, readable=True, help="JSON files."),
]
KindOption = Annotated[
    Kind, typer.Option("--kind", help="What the files are; by default, what they look like.")
]


def check(files: Files, *, kind: KindOption = Kind.AUTO, as_json: AsJson = False) -> None:
    """Check workspaces, definitions of destinations and mappings; nothing is sent."""
    found: list[JsonObject] = []
    worst = Exit.OK
    for file in files:
        taken, problems, code = _check_file(file, kind)
        worst = max(worst, code)
        if as_json:
            found += [{"file": str(file), **_row(problem)} for problem in problems]
            continue
        print_problems(problems, file=str(file), console=err() if code is Exit.FAULTY else out())
        if code is Exit.OK:
            out().print(
                Text(f"{plain(file)}: ", style="bold").append(f"the {taken} is good", style="not bold green")
            )
    if as_json:
        print_json(found)
    raise typer.Exit(worst)


def _row(problem: Problem) -> JsonObject:
    return {"path": problem.path, "message": problem.message, "severity": problem.severity}


def _check_file(file: Path, kind: Kind) -> tuple[Kind, list[Problem], Exit]:
    data, syntax = _read(file)
    if syntax is not None:
        return kind, [syntax], Exit.FAULTY
    taken = _looks_like(data) if kind is Kind.AUTO else kind
    problems = _CHECKS[taken](data)
    errors = any(problem.severity == "error" for problem in problems)
    return taken, problems, Exit.FAILURES if errors else Exit.OK


def _read(file: Path) -> tuple[Json, Problem | None]:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig")), None
    except json.JSONDecodeError as error:
        return None, Problem("$", f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}")
    except UnicodeDecodeError as error:
        return None, Problem("$", f"not JSON: byte {error.start + 1} is not UTF-8")
    except (ValueError, RecursionError) as error:
        return None, Problem("$", f"not JSON that can be read: {error}")


def _looks_like(data: Json) -> Kind:
    """A file that names its schema says what it is; else its keys do."""
    if not isinstance(data, dict):
        return Kind.MAPPING
    named = str(data.get("$schema", ""))
    for kind, schema in (
        (Kind.WORKSPACE, "workspace"),
        (Kind.DEFINITION, "destination"),
        (Kind.MAPPING, "mapping"),
    ):
        if f"/{schema}.schema.json" in named:
            return kind
    if "destinations" in data:
        return Kind.WORKSPACE
    return Kind.DEFINITION if "actions" in data and ("slug" in data or "name" in data) else Kind.MAPPING


def _check_workspace(data: Json) -> list[Problem]:
    try:
        Engine(Workspace.from_dict(data), registry=Registry().discover())
    except ActionsError as error:
        return list(error.problems) or [Problem("$", str(error))]
    return []


def _check_definition(data: Json) -> list[Problem]:
    if not isinstance(data, dict):
        return [Problem("$", "a definition is a JSON object")]
    return check_definition(data)[1]


_CHECKS: Final[Mapping[Kind, Callable[[Json], list[Problem]]]] = {
    Kind.WORKSPACE: _check_workspace,
    Kind.DEFINITION: _check_definition,
    Kind.MAPPING: validate_mapping,
}
