"""`actions check`: every error in workspaces, definitions and mappings, by file and path."""

import enum
import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import attrs
import typer
from rich.text import Text

from actions_core.apps.cli.output import (
    Exit,
    fail,
    print_error,
    print_json,
    print_problems,
    printable,
    stdout,
)
from actions_core.apps.cli.shared import AsJson, read_events
from actions_core.apps.local import find_definition, installed_definition, load_local, package_around
from actions_core.authoring.advice import advise
from actions_core.authoring.placeholders import fill_environment
from actions_core.authoring.port.definitions import marked_texts
from actions_core.authoring.sample_keys import SampleKeys
from actions_core.destination.loading import check_definition
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.environment import resolve_environment, resolve_mapping
from actions_core.engine.instances import known_destinations
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, DefinitionError, Problem
from actions_core.mapping import validate_mapping
from actions_core.values.json_files import read_json
from actions_core.values.types import Json, JsonObject
from actions_core.values.wording import shown


class FileKind(enum.StrEnum):
    """The kinds of files that can be checked."""

    AUTO = "auto"
    WORKSPACE = "workspace"
    DEFINITION = "definition"
    MAPPING = "mapping"


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="JSON files. A folder, a slug or an alias stands for the definition of a destination.",
    ),
]
KindOption = Annotated[
    FileKind, typer.Option("--kind", help="The kind of the files; by default, what they look like.")
]


Events = Annotated[
    str | None,
    typer.Option(
        "--events", metavar="FILE", help="Sample events (NDJSON): warn of keys that none of them has."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings count as failures.")]


def check(
    files: Files,
    *,
    kind: KindOption = FileKind.AUTO,
    events: Events = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Check workspaces, definitions and mappings.

    In a workspace, likely mistakes are reported too, as warnings. With a definition in an import package, its
    functions are checked, for which they are imported. Exit code 1 when there are errors, with --strict also
    when there are warnings.
    """
    samples = None if events is None else _read_samples(events)
    found: list[JsonObject] = []
    worst = Exit.OK
    for name in files:
        file = _file_of(name)
        try:
            data = read_json(file)
        except DefinitionError as error:
            worst = Exit.FAULTY
            problems = list(error.problems) or [Problem("$", error.message.removeprefix(f"{file}:").strip())]
            if not as_json:
                print_error(str(error))
        else:
            actual = _looks_like(data) if kind is FileKind.AUTO else kind
            problems = _CHECKS[actual](data, file, samples)
            good = not any(strict or problem.is_error for problem in problems)
            worst = max(worst, Exit.OK if good else Exit.FAILURES)
            if not as_json:
                _print_result(file, actual, problems, good=good)
        found += [{"file": str(file), **_row(problem)} for problem in problems]
    if as_json:
        print_json(found)
    raise typer.Exit(worst)


def _file_of(name: str) -> Path:
    """Return the file that a name stands for: itself, or a destination's definition."""
    file = Path(name)
    if file.is_file():
        return file
    try:
        found = find_definition(name)
        if found is None and _is_name(name):
            found = installed_definition(name)
    except DefinitionError as error:
        fail(str(error))
    if found is None or not found.is_file():
        raise typer.BadParameter(f"there is no file {shown(name)}", param_hint="FILE")
    return found


def _is_name(name: str) -> bool:
    return not ("/" in name or "\\" in name or name.endswith(".json"))


def _print_result(file: Path, kind: FileKind, problems: list[Problem], *, good: bool) -> None:
    print_problems(problems, file=str(file), console=stdout())
    if good:
        line = Text(f"{printable(file)}: ", style="bold").append(
            f"the {kind} is good", style="not bold green"
        )
        stdout().print(line, soft_wrap=True)


def _row(problem: Problem) -> JsonObject:
    return {"path": problem.path, "message": problem.message, "severity": problem.severity}


def _looks_like(data: Json) -> FileKind:
    """Return the kind of a file, from the schema that it names, else from its keys."""
    if not isinstance(data, dict):
        return FileKind.MAPPING
    named = str(data.get("$schema", "")).rpartition("/")[2]
    for kind, schema in (
        (FileKind.WORKSPACE, "workspace"),
        (FileKind.DEFINITION, "destination"),
        (FileKind.MAPPING, "mapping"),
    ):
        if named.startswith(f"{schema}.") and named.endswith(".schema.json"):
            return kind
    if "destinations" in data:
        return FileKind.WORKSPACE
    return (
        FileKind.DEFINITION if "actions" in data and ("slug" in data or "name" in data) else FileKind.MAPPING
    )


def _read_samples(source: str) -> SampleKeys:
    """Read the keys of sample events; report and skip a line that is not an event."""
    samples = SampleKeys()
    for given in read_events(source, option="--events"):
        if isinstance(given.event, dict):
            samples.add(given.event)
        else:
            print_error(f"{given.place or source}: {given.error or 'an event is a JSON object'}")
    return samples


def _check_workspace(data: Json, file: Path, samples: SampleKeys | None) -> list[Problem]:
    try:
        workspace = Workspace.from_dict(data, folder=file.parent, lenient=True)
    except ActionsError as error:
        return _problems(error)
    registry = Registry().discover()
    destinations = known_destinations(workspace, registry)
    # A variable that is not set prevents a start, but it is not an error of the file.
    filled = fill_environment(workspace, destinations, os.environ)[0]
    logger = logging.getLogger("actions_core")
    level = logger.level
    logger.setLevel(logging.ERROR)  # an engine logs its warnings, and here they are reported with the others
    try:
        found = list(Engine(filled, registry=registry).warnings)
    except ActionsError as error:
        found = _problems(error)
    finally:
        logger.setLevel(level)
    advice = workspace.with_problems([*_unset(workspace), *advise(workspace, destinations, samples)])
    # Each once, though an engine that refuses the workspace has told those of the document already.
    return sorted(dict.fromkeys([*found, *advice]), key=_sort_key)


def _sort_key(problem: Problem) -> str:
    """Return the path in a form that sorts item 10 after item 9."""
    return re.sub(r"\d+", lambda number: number[0].zfill(9), problem.path)


def _problems(error: ActionsError) -> list[Problem]:
    return list(error.problems) or [Problem("$", str(error))]


def _unset(workspace: Workspace) -> list[Problem]:
    """Return a warning for each setting and mapping whose variable is not in the environment."""
    found: list[Problem] = []
    for index, spec in enumerate(workspace.destinations):
        path = f"$.destinations[{index}]"
        found += resolve_environment(spec.settings, f"{path}.settings")[2]
        for number, subscription in enumerate(() if spec.subscriptions == "presets" else spec.subscriptions):
            place = f"{path}.subscriptions[{number}].mapping"
            found += resolve_mapping(subscription.mapping, place)[2]
    return [attrs.evolve(problem, severity="warning") for problem in found]


def _check_definition(data: Json, file: Path, _samples: SampleKeys | None) -> list[Problem]:
    if not isinstance(data, dict):
        return [Problem("$", "a definition is a JSON object")]
    found = [*check_definition(data, strict=True)[1], *marked_texts(data)]
    if package_around(file) is None or any(problem.is_error for problem in found):
        return found
    try:
        of_functions = load_local(file).check()
    except DefinitionError as error:
        of_functions = _problems(error)
    return list(dict.fromkeys([*found, *of_functions]))


_CHECKS: Final[Mapping[FileKind, Callable[[Json, Path, SampleKeys | None], list[Problem]]]] = {
    FileKind.WORKSPACE: _check_workspace,
    FileKind.DEFINITION: _check_definition,
    FileKind.MAPPING: lambda data, _file, _samples: validate_mapping(data),
}
