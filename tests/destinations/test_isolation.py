"""Destinations do not load each other: whoever uses one pays for that one.

The processes are forks of one that has loaded the library, and with it, as is seen here, no destination.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import pytest

from actions_core import Registry
from actions_core.destination.registry import ENTRY_POINTS
from actions_core.testing.samples import sample_settings
from tests.forks import Forks

INSTALLED = {point.name: point.module for point in entry_points(group=ENTRY_POINTS)}
#: The packages of destinations that a program has loaded once it has run.
LOADED = f"""
import json, sys
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}} & {set(INSTALLED.values())})))
"""
#: What a program does with one destination, in turn: each step sees what those before have loaded too.
STEPS = {
    "the registry": """
from actions_core import Registry
assert Registry().discover().get("{slug}").slug == "{slug}"
""",
    "an engine": """
from actions_core import Engine, Workspace
instance = {{"destination": "{slug}", "settings": {settings}, "subscriptions": []}}
Engine(Workspace.from_dict({{"destinations": [instance]}}))
""",
    "actions describe": """
from typer.testing import CliRunner
from actions_core.apps.cli.app import app
assert CliRunner().invoke(app, ["describe", "{slug}"]).exit_code == 0
""",
    "actions docs": """
assert CliRunner().invoke(app, ["docs", "{slug}"]).exit_code == 0
""",
}


Loaded = Callable[..., list[list[str]]]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Loaded]:
    """Run code in a process of its own, and tell which destinations' packages are loaded after each step."""
    forks = Forks(
        [
            "actions_core.apps.cli.catalog",
            "actions_core.apps.cli.definitions",
            "actions_core.authoring",
            "actions_core.engine.engine",
            "jsonschema",
            "pydantic.type_adapter",  # typer wants it where it is installed
            "typer.testing",
        ]
    )

    def run(*steps: str) -> list[list[str]]:
        done = forks.run("-c", LOADED.join([*steps, ""]))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    yield run
    forks.close()


def test_there_are_several() -> None:
    """With one alone, nothing would be shown here."""
    assert len(INSTALLED) > 1


@pytest.mark.parametrize("slug", INSTALLED)
def test_using_one_loads_no_other(loaded: Loaded, slug: str) -> None:
    """An engine, a registry or a command that names one destination imports its package alone."""
    settings = sample_settings(Registry().discover().get(slug).spec)
    found = loaded(*[code.format(slug=slug, settings=settings) for code in STEPS.values()])
    assert dict(zip(STEPS, found, strict=True)) == {step: [INSTALLED[slug]] for step in STEPS}


@pytest.mark.parametrize("slug", INSTALLED)
def test_importing_one_loads_no_other(loaded: Loaded, slug: str) -> None:
    """The packages do not know each other."""
    assert loaded(f"import {INSTALLED[slug]}\n") == [[INSTALLED[slug]]]


def test_discovering_loads_none(loaded: Loaded) -> None:
    """What is installed is known from metadata."""
    code = "from actions_core import Registry\nassert len(Registry().discover().slugs) > 1\n"
    assert loaded(code) == [[]]
