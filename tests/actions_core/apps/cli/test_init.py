"""`actions init` and `actions add-action`: what they make passes every tool at once, as it stands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.authoring.scaffold import (
    TEMPLATES,
    add_action,
    files_from_definition,
    package_files,
    package_name,
)
from actions_core.authoring.segment_import import definition_from_metadata
from actions_core.destination import load_destination
from tests.forks import FORKS, NEEDED, PYTEST

if TYPE_CHECKING:
    from conftest import Shell

#: A slug and a name as long as they may be: lines get longer, and must not get too long.
LONG = "acme-" + "x" * 45
NAME = "Acme " + "X" * 55


def passes(folder: Path, *command: str | Path) -> None:
    """Run a tool in a folder; it has to be content."""
    run = run_pytest(folder, *command[1:]) if command[0] == PYTEST else run_tool(folder, *command)
    assert run.returncode == 0, run.stdout + run.stderr


def run_tool(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder."""
    return subprocess.run(  # noqa: S603  # tools of ours, on what we made
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run_pytest(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the tests in a folder, with pytest alone, as it is where nothing else is installed."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return FORKS.run(
        *(PYTEST, "-p", "no:cacheprovider", *arguments),
        cwd=folder,
        env=environment,
        imported=NEEDED[PYTEST],
        timeout=120,
    )


def write(files: dict[Path, str]) -> None:
    """Write files as the commands do."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of each template, each with one more action; and one with long names."""
    folder = tmp_path_factory.mktemp("made")
    for template in TEMPLATES:
        package = folder / template
        write(
            {
                package / path: text
                for path, text in package_files(f"acme-{template}", template=template).items()
            }
        )
        write(add_action(package, "addHTTPOrder"))
    for template in TEMPLATES:
        package = folder / f"long-{template}"
        write(
            {package / path: text for path, text in package_files(LONG, name=NAME, template=template).items()}
        )
    return folder


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The type checker, with what it already knows of our own code where `make lint` has run."""
    cache = tmp_path_factory.mktemp("types") / "cache"
    known = Path(__file__).parents[4] / ".mypy_cache"
    if known.exists():
        shutil.copytree(known, cache)
    return ["mypy", "--cache-dir", cache]


def test_new_packages_pass_lint(made: Path) -> None:
    """Linter and formatter, as each package configures them, with and without another action."""
    passes(made, "ruff", "check", ".")
    passes(made, "ruff", "format", "--check", ".")


def test_new_packages_pass_the_type_checker(made: Path, types: list[str | Path]) -> None:
    """Strictly, functions and tests; all at once, because most of the time goes into ours."""
    config = made / "custom" / "pyproject.toml"
    packages = [package for template in TEMPLATES for package in (made / template / "src").iterdir()]
    passes(made, *types, "--config-file", config, *packages, made / "custom" / "tests")


def test_a_new_package_passes_its_own_tests(shell: Shell) -> None:
    """As the command makes it, before anything is written or installed."""
    assert shell.run("init", "acme").code == 0
    passes(shell.folder / "acme", "pytest", "-W", "error")


def test_packages_of_every_template_pass_their_own_tests(made: Path) -> None:
    """Their cases, that of the action which was added, and what is asked of every destination."""
    packages = [made / template for template in TEMPLATES]
    path = f"pythonpath={' '.join(str(package / 'src') for package in packages)}"
    passes(made, "pytest", "-W", "error", "-o", path, "--import-mode=importlib", *packages)


def test_an_action_is_added_in_place(shell: Shell) -> None:
    """The files that changed are named, and what comes out can be checked, described and documented."""
    assert shell.run("init", "acme", "-t", "json").code == 0
    run = shell.run("add-action", "acme", "addOrder")
    assert run.out.split() == ["acme/tests/cases/addOrder.json", "acme/src/actions_acme/destination.json"]
    definition = shell.folder / "acme/src/actions_acme/destination.json"
    assert list(json.loads(definition.read_bytes())["actions"]) == ["trackEvent", "addOrder"]
    assert shell.run("check", definition).code == 0
    assert "### Add Order" in shell.run("docs", definition).out


def test_what_is_there_is_never_overwritten(shell: Shell) -> None:
    """A folder with anything in it stays as it is."""
    (shell.folder / "acme").mkdir()
    assert shell.run("init", "acme").code == 0
    before = {path: path.read_bytes() for path in (shell.folder / "acme").rglob("*.json")}
    run = shell.run("init", "acme", "--template", "minimal")
    assert (run.code, "nothing is overwritten" in run.err) == (2, True)
    assert shell.run("add-action", "acme", "trackEvent").code == 2
    assert {path: path.read_bytes() for path in (shell.folder / "acme").rglob("*.json")} == before
    assert shell.run("init", "acme", "--in", "elsewhere").code == 0
    assert (shell.folder / "elsewhere" / "acme" / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Acme"], "small letters"),
        (["actions-fullstory-cloud"], "is installed already"),
        (["fullstory"], "imports something as 'actions_fullstory' already"),
        (["acme", "--template", "oauth"], "did you mean 'oauth2'"),
        (["acme", "--name", 'a"b'], "the name may not hold"),
    ],
)
def test_a_mistake_is_one_sentence(shell: Shell, arguments: list[str], said: str) -> None:
    """Names that cannot be are wrong usage, and nothing is made."""
    run = shell.run("init", *arguments)
    assert (run.code, said in run.err) == (2, True)
    assert list(shell.folder.iterdir()) == []


# -- from a definition that exists -------------------------------------------------------------------

ORDERS = {
    "slug": "actions-ported",
    "name": "Ported (Actions)",
    "authentication": {
        "scheme": "custom",
        "fields": {"apiKey": {"label": "Key", "type": "password", "required": True}},
    },
    "actions": {
        "order": {
            "title": 'The "order"',
            "fields": {
                "id": {"type": "string", "required": True},
                "first-name": {"type": "string", "default": {"@path": "$.traits.name"}},
                "class": {"type": "integer", "multiple": True},
                "when": {"type": "datetime", "required": True, "allowNull": True},
                "extra": {"type": "object"},
                "enable_batching": {"type": "boolean", "default": True},
            },
        },
        "prepare": {"title": "Prepare", "fields": {}},
        "wide": {"title": "Wide", "fields": {f"field{number}": {"type": "string"} for number in range(40)}},
        "browser": {"title": "In the browser", "platform": "web", "fields": {}},
    },
    "presets": [],
}
METADATA = {
    "data": {
        "destinationMetadata": {
            "id": "m-1",
            "slug": "actions-ported-metadata",
            "name": "Ported",
            "options": [{"name": "apiKey", "type": "string", "required": True, "defaultValue": ""}],
            "actions": [
                {
                    "id": "a-1",
                    "slug": "order",
                    "name": "Order",
                    "platform": "CLOUD",
                    "defaultTrigger": 'type = "track"',
                    "fields": [
                        {"fieldKey": "b", "sortOrder": 1, "type": "NUMBER"},
                        {"fieldKey": "a", "sortOrder": 0, "type": "STRING", "required": True},
                    ],
                }
            ],
            "presets": [{"actionId": "a-1", "name": "P", "trigger": 'type = "page"', "fields": {"a": "x"}}],
        }
    }
}


@pytest.mark.parametrize(
    ("data", "slug"), [(ORDERS, "actions-ported"), (METADATA, "actions-ported-metadata")]
)
def test_a_definition_becomes_a_package_to_fill_in(
    shell: Shell, tmp_path: Path, types: list[str | Path], data: dict[str, object], slug: str
) -> None:
    """Every tool takes the package; only the checks of functions that are not written yet fail."""
    source = tmp_path / "metadata.json"
    source.write_text(json.dumps(data))
    result = shell.run("init", "--from", source, "--in", tmp_path)
    assert result.code == 0, result.out + result.err
    folder = tmp_path / slug
    passes(folder, "ruff", "check", ".")
    passes(folder, "ruff", "format", "--check", ".")
    passes(folder, *types)
    run = run_pytest(folder, "-q")
    assert run.returncode == 1, run.stdout
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
    assert failed
    unwritten = ("[case[", "[pure[", "[preset[")
    assert [line for line in failed if not any(check in line for check in unwritten)] == []
    assert "NotImplementedError" in run.stdout


def test_the_definition_says_nothing_twice() -> None:
    """What there is by default is not written, nor a preset's mapping of defaults; actions come last."""
    action = {
        "title": "Act",
        "description": "Act.",
        "fields": {
            "id": {
                "label": "Id",
                "description": "The id.",
                "type": "string",
                "required": True,
                "multiple": False,
                "default": {"@path": "$.userId"},
            },
            "note": {
                "label": "Note",
                "description": "A note.",
                "type": "string",
                "required": False,
                "default": "",
            },
        },
    }
    preset = {"type": "automatic", "partnerAction": "act", "subscribe": 'type = "track"'}
    data: dict[str, Any] = {
        "slug": "short",
        "name": "Short",
        "actions": {"act": action},
        "mode": "cloud",
        "description": "Acts.",
        "presets": [
            {**preset, "name": "All", "mapping": {"id": {"@path": "$.userId"}, "note": ""}},
            {**preset, "name": "Own", "mapping": {"id": "x"}},
        ],
    }
    _, files = files_from_definition(data)
    written = json.loads(files["src/actions_short/destination.json"])
    assert list(written) == ["$schema", "slug", "name", "description", "actions", "presets"]
    assert written["actions"]["act"]["fields"] == {
        "id": {
            "type": "string",
            "label": "Id",
            "description": "The id.",
            "required": True,
            "default": {"@path": "$.userId"},
        },
        "note": {"type": "string", "label": "Note", "description": "A note.", "default": ""},
    }
    assert [preset.get("mapping") for preset in written["presets"]] == [None, {"id": "x"}]
    written.pop("$schema")
    again, before = load_destination(written).spec, load_destination(data).spec
    assert again.actions == before.actions


def test_fields_that_actions_share_are_written_once() -> None:
    """Long fields that are alike become fragments; another one of the same name gets one of its own."""
    long = {"label": "Note", "type": "text", "description": "Whatever is to be said of this person." * 2}
    other = {**long, "required": True}
    short = {"label": "Id", "type": "string"}
    fields = {
        "a": {"note": long},
        "b": {"note": long, "id": short},
        "c": {"note": other, "id": short},
        "d": {"note": other},
    }
    actions = {key: {"title": key.upper(), "fields": value} for key, value in fields.items()}
    data: dict[str, Any] = {"slug": "shared", "name": "Shared", "actions": actions}
    _, files = files_from_definition(data)
    written = json.loads(files["src/actions_shared/destination.json"])
    assert list(written["fragments"]) == ["note", "note_c"]
    assert {key: action["fields"]["note"] for key, action in written["actions"].items()} == {
        "a": {"$fragment": "note"}, "b": {"$fragment": "note"},
        "c": {"$fragment": "note_c"}, "d": {"$fragment": "note_c"},
    }  # fmt: skip
    assert written["actions"]["b"]["fields"]["id"] == {"type": "string", "label": "Id"}
    written.pop("$schema")
    assert load_destination(written).spec.actions == load_destination(data).spec.actions


def test_the_functions_have_the_fields_as_parameters() -> None:
    """Types and requiredness come from the fields; with very many fields, the payload comes as a whole."""
    slug, files = files_from_definition(ORDERS)
    text = files[f"src/{package_name(slug)}/handlers.py"]
    assert (
        '@destination.action("order")\ndef order(\n    *,\n    id: str,\n    first_name: str | None' in text
    )
    assert "    class_: list[int] | None = None,\n    when: str | float | None,\n" in text
    assert "def wide(payload: Payload) -> Request:" in text
    assert "def prepare_() -> Request:" in text
    assert "browser" not in text
    assert "enable_batching" not in text


def test_metadata_becomes_a_definition() -> None:
    """Lists become objects by key, in the order in which people see them; secrets are passwords."""
    definition = definition_from_metadata(METADATA)
    assert definition["authentication"]["fields"]["apiKey"] == {"type": "password", "required": True}
    assert list(definition["actions"]["order"]["fields"].items()) == [
        ("a", {"type": "string", "required": True}),
        ("b", {"type": "number"}),
    ]
    assert definition["presets"] == [
        {
            "name": "P",
            "type": "automatic",
            "partnerAction": "order",
            "subscribe": 'type = "page"',
            "mapping": {"a": "x"},
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "FILE", "--in", "."], "'Bad Slug'"),
        (["--from", "OTHER"], "neither a definition nor the metadata"),
        ([], "name the destination"),
    ],
)
def test_what_cannot_become_a_package_is_refused(
    shell: Shell, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """A slug that cannot be, a file of another kind, no destination at all: exit code 2 and a sentence."""
    (tmp_path / "FILE").write_text(json.dumps({**ORDERS, "slug": "Bad.Slug"}).replace("Bad.Slug", "Bad Slug"))
    (tmp_path / "OTHER").write_text("[1]")
    given = [str(tmp_path / one) if one in ("FILE", "OTHER") else one for one in arguments]
    result = shell.run("init", *given)
    assert result.code == 2
    assert said in " ".join((result.out + result.err).split())
