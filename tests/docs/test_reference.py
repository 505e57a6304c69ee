"""The reference pages are those of the code: nothing is missing, and nothing is stale."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import actions_core.testing
from actions_core.apps.cli.worker import logs
from actions_core.apps.server import metrics
from actions_core.errors import ActionsError
from actions_core.mapping.directives import DIRECTIVES, OF_OUR_OWN
from actions_core.subscriptions.terms import LONE_FIELDS, PATH_FIELDS, RELATIONS
from docs.tools import commands, licences, reference, schemas

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SOURCES = [*(ROOT / "actions_core").rglob("*.py"), *(ROOT / "destinations").rglob("*.py")]
#: A code: two words or more, in capital letters.
CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
#: Names in capital letters that are bound to a code, beside the parameter `code` and `default_code`.
BOUND = re.compile(r"(?:.*_)?(?:CODE|UNAVAILABLE|NOT_ALLOWED|NOT_FOLLOWED|UNKNOWN|GONE|INTERRUPTED)")


def read(name: str) -> str:
    """The text of a reference page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_generated_page_is_that_of_the_code() -> None:
    """What `make reference` would write is what the repository has: a changed command or docstring shows."""
    made = reference.files()
    assert len(made) > 1
    # What depends on the Python that runs is compared by the next test.
    stale = [
        path.name
        for path, text in made.items()
        if path.name != "licences.md" and path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run: make reference"


def test_every_licence_is_listed() -> None:
    """Each package that an installation brings on this Python has a row with the licence that it names."""
    page = (ROOT / "docs" / "explanation" / "licences.md").read_text(encoding="utf-8")
    section = re.compile(r"^## (?:The extra `(\w+)`|Always)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    sections = dict(section.findall(page))
    missing = [
        (extra, name)
        for extra, names in licences.packages().items()
        for name in names
        if f"| `{name}` | {licences.licence(name)} |" not in sections[extra]
    ]
    assert missing == [], "run: make reference"


def test_every_command_has_its_place() -> None:
    """Each command that can be run, with each of its options, stands on the page of the command line."""
    page = read("command-line.md")
    sections = dict(re.findall(r"^## `(.*?)`\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL))
    found = {name: command for name, command, _ in commands.every_command()}
    assert set(sections) - {""} == set(found)
    missing = [
        f"{name} {option}"
        for name, command in found.items()
        for option in commands.option_names(command)
        if option != "--help" and option not in sections[name]
    ]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    """Each command of the first level has a row in the README's table."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `actions ([\w-]+)", readme, flags=re.MULTILINE)
    firsts = {name.split()[1] for name, _, _ in commands.every_command()}
    assert set(rows) == firsts


def keys_of(schema: Any) -> set[str]:
    """Every key that a schema describes, wherever it stands in it."""
    found: set[str] = set()
    for keyword, value in schema.items() if isinstance(schema, dict) else ():
        if keyword == "properties":
            found |= set(value)
        named = keyword in ("properties", "$defs")
        parts = value.values() if named else value if isinstance(value, list) else [value]
        found |= set().union(*map(keys_of, parts))
    return found


@pytest.mark.parametrize(
    ("page", "schema"),
    [("workspace.md", "workspace"), ("definition.md", "destination"), ("event.md", "event")],
)
def test_every_key_of_a_file_is_explained(page: str, schema: str) -> None:
    """Each key that a schema knows has a row on its page, and each row says what the key is."""
    rows = re.findall(r"^\| `([^`]+)`(?: \(required\))? \| (.*) \| (.*) \|$", read(page), flags=re.MULTILINE)
    assert keys_of(schemas.read_schema(schema)) - {key for key, _, _ in rows} == set()
    assert [key for key, _, text in rows if not text.strip()] == []


def test_every_public_name_is_described() -> None:
    """Each public name of the library and of its testing package has a section on the page of the API."""
    page = read("api.md")
    headings = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    testing = [f"testing.{name}" for name in actions_core.testing.__all__]
    assert sorted(headings) == sorted([*actions_core.__all__, *testing])


def test_every_directive_has_an_example() -> None:
    """Each directive has a section with an example, and those that Segment does not know say so."""
    page = read("mapping-language.md")
    sections = dict(re.findall(r"^### `(@\w+)`\n(.*?)(?=^##)", page, flags=re.MULTILINE | re.DOTALL))
    assert set(sections) == {name for name in DIRECTIVES if not name.startswith("@test")}
    assert [name for name, text in sections.items() if f'show({{"{name}"' not in text] == []
    ours = {
        name for name, text in sections.items() if "Segment does not know" in text or "Not known to" in text
    }
    assert ours == OF_OUR_OWN | {"@jmespath"}


def test_the_page_of_fql_has_all_of_it() -> None:
    """Each field, operator and function of conditions stands on the page."""
    page = read("fql.md")
    words = [
        *LONE_FIELDS,
        *(f"{name}." for name in PATH_FIELDS),
        *RELATIONS,
        "contains(",
        "match(",
        "and",
        "or",
    ]
    assert [word for word in words if word not in page] == []


def literals(node: ast.AST) -> set[str]:
    """The codes among the constants of an expression."""
    constants = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return {value for value in constants if isinstance(value, str) and CODE.fullmatch(value)}


def codes_of(source: str) -> set[str]:
    """Every code that a module gives to an error: as an argument, as a default, or by a constant's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "code":
            found |= literals(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            # Several values of one line: of a code and its reason, say.
            several = any(isinstance(target, ast.Tuple) for target in targets)
            if several or names & {"default_code", "code"} or any(map(BOUND.fullmatch, names)):
                found |= literals(node.value)
    return found


def test_every_code_says_what_to_do() -> None:
    """Each code that an error of ours can have stands on the page of errors, with what to do."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| .+ \| .+ \|$", read("errors.md"), flags=re.MULTILINE)
    assert len(rows) == len(set(rows))
    named = set(rows) | set(CODE.findall(read("errors.md")))
    codes = set().union(*(codes_of(path.read_text(encoding="utf-8")) for path in SOURCES))
    assert codes - named == set()


def every_error(kind: type[ActionsError]) -> list[type[ActionsError]]:
    """An error's class and all that inherit from it."""
    return [kind, *(below for child in kind.__subclasses__() for below in every_error(child))]


def test_every_error_is_listed_with_its_code() -> None:
    """Each public error has a row, with the code that it has when no other is given."""
    rows = dict(re.findall(r"^\| `(\w+Error)` \| .+ \| (.+) \|$", read("errors.md"), flags=re.MULTILINE))
    public = {kind for kind in every_error(ActionsError) if kind.__name__ in actions_core.__all__}
    assert set(rows) == {kind.__name__ for kind in public} - {"ActionsError"}
    wrong = [
        kind.__name__
        for kind in public
        if kind.__name__ not in ("ActionsError", "ResponseError")
        and rows[kind.__name__] != f"`{kind.default_code}`"
    ]
    assert wrong == []


def test_every_number_is_listed() -> None:
    """Each number of the engine and each metric of the server stands on the page of metrics."""
    page = read("metrics.md")
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    names = [*metrics._KNOWN, *re.findall(r'"(actions_\w+)"', source)]
    assert len(names) > len(metrics._KNOWN)
    assert [name for name in names if name not in page] == []


def test_every_key_of_a_workers_line_is_listed() -> None:
    """Each key of the lines that a worker logs stands on the page of metrics."""
    tree = ast.parse(Path(logs.__file__).read_text(encoding="utf-8"))
    keys = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    page = read("metrics.md")
    assert "messageId" in keys
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []
