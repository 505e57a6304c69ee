"""Rules of the design that import-linter cannot see."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "actions_core"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "destinations").rglob("*.py")])
#: The asynchronous shell; everything else is plain computation, tested without a loop.
ASYNCHRONOUS = ("engine", "http/transport", "delivery", "apps", "testing")
#: A module that has outgrown this becomes a folder.
MOST_LINES = 500
#: The rooms of `actions_core`; another one is a change of the design.
HOUSE = {
    "apps",
    "authoring",
    "delivery",
    "destination",
    "engine",
    "errors.py",
    "http",
    "mapping",
    "subscriptions",
    "telemetry.py",
    "testing",
    "validation",
    "values",
}


def module_id(path: Path) -> str:
    """How a test names a source file."""
    return path.relative_to(ROOT).as_posix()


def is_asynchronous(path: Path) -> bool:
    """Whether a file of `actions_core` belongs to the asynchronous shell."""
    return path.relative_to(PACKAGE).as_posix().startswith(ASYNCHRONOUS)


def asynchronous_parts(path: Path) -> list[str]:
    """Every `async def`, `async with`, `async for` and `await` of a file, by line."""
    kinds = (ast.AsyncFunctionDef, ast.AsyncWith, ast.AsyncFor, ast.Await)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{type(node).__name__} in line {node.lineno}" for node in ast.walk(tree) if isinstance(node, kinds)
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if not is_asynchronous(path)],
    ids=module_id,
)
def test_only_the_shell_is_asynchronous(path: Path) -> None:
    """A module of the core holds no `async def`, so that it can be used and tested without a loop."""
    assert asynchronous_parts(path) == []


def test_the_house_has_its_rooms_and_no_others() -> None:
    """`actions_core` has at most thirteen entries beside `__init__.py` and `py.typed`."""
    found = {path.name for path in PACKAGE.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}
    assert found <= HOUSE


@pytest.mark.parametrize("path", SOURCES, ids=module_id)
def test_every_module_says_what_it_is_and_stays_small(path: Path) -> None:
    """A module has a docstring, and 500 lines at most."""
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MOST_LINES


def test_every_place_that_contributing_names_is_there() -> None:
    """Each path in CONTRIBUTING.md leads somewhere."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = "actions_core|destinations|schemas|tests|docs|examples|benchmarks"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", text)
    assert len(named) > 20
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_contributing_says_how_long_a_module_may_be() -> None:
    """The limit in the page is the one that is checked."""
    assert f"{MOST_LINES} lines" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=module_id)
def test_every_test_states_its_rule(path: Path) -> None:
    """A test's docstring is the rule that it checks."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [
        node.name for node in tests if node.name.startswith("test_") and not ast.get_docstring(node)
    ] == []


#: Words that begin a description. A function's docstring is a command.
DESCRIBING = {"The", "What", "Whether", "How", "Where", "Why"}


def describing_docstrings(path: Path) -> list[str]:
    """Every function of a file, properties excepted, whose docstring describes instead of commanding."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [
        f"{node.name} in line {node.lineno}"
        for node in functions
        if not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
        and (ast.get_docstring(node) or "-").split()[0].rstrip(",:") in DESCRIBING
    ]


@pytest.mark.parametrize(
    "path",
    [*SOURCES, *sorted((ROOT / "examples").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))],
    ids=module_id,
)
def test_docstrings_of_functions_are_commands(path: Path) -> None:
    """A function's docstring says what it does as a command."""
    assert describing_docstrings(path) == []


@pytest.mark.parametrize("name", ["actions_core", "actions_core.testing"])
def test_the_public_names_are_there(name: str) -> None:
    """`__all__` names each of its names once, and only what the package has."""
    package = importlib.import_module(name)
    assert len(package.__all__) == len(set(package.__all__))
    assert [entry for entry in package.__all__ if not hasattr(package, entry)] == []


def test_what_is_costly_loads_when_it_is_needed() -> None:
    """`import actions_core` brings with it neither the network nor what only some events or faults need."""
    ours = ["aiohttp", "cattrs", "jmespath", "jsonschema", "liquid", "opentelemetry", "rich", "typer"]
    standard = ["difflib", "email", "html", "http", "importlib.metadata", "shlex", "uuid", "zoneinfo"]
    code = (
        "import sys; before = set(sys.modules); import actions_core; "
        f"print([name for name in {ours + standard} if name in sys.modules and name not in before])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    assert run.stdout.strip() == "[]"
