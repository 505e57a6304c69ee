"""Rules of the design that import-linter cannot see."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "actions_core"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "destinations").rglob("*.py")])
#: The asynchronous shell; everything else is plain computation, tested without a loop.
ASYNCHRONOUS = {"client", "transport", "executor", "engine", "delivery", "testing", "cli", "console"}
#: A module that has outgrown this becomes a folder; the tenth above 300 is for the last function to end.
MOST_LINES = 330


def module_id(path: Path) -> str:
    """How a test names a source file."""
    return path.relative_to(ROOT).as_posix()


def top_module(path: Path) -> str:
    """The module directly below `actions_core` that a file is, or is a part of."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def asynchronous_parts(path: Path) -> list[str]:
    """Every `async def`, `async with`, `async for` and `await` of a file, by line."""
    kinds = (ast.AsyncFunctionDef, ast.AsyncWith, ast.AsyncFor, ast.Await)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{type(node).__name__} in line {node.lineno}" for node in ast.walk(tree) if isinstance(node, kinds)
    ]


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in ASYNCHRONOUS
    ],
    ids=module_id,
)
def test_only_the_shell_is_asynchronous(path: Path) -> None:
    """A module of the core holds no `async def`, so that it can be used and tested without a loop."""
    assert asynchronous_parts(path) == []


@pytest.mark.parametrize("path", SOURCES, ids=module_id)
def test_every_module_says_what_it_is_and_stays_small(path: Path) -> None:
    """A module has a docstring, and about 300 lines at most."""
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=module_id)
def test_every_test_states_its_rule(path: Path) -> None:
    """A test's docstring is the rule that it checks."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [
        node.name for node in tests if node.name.startswith("test_") and not ast.get_docstring(node)
    ] == []


@pytest.mark.parametrize("name", ["actions_core", "actions_core.testing"])
def test_the_public_names_are_sorted_and_there(name: str) -> None:
    """`__all__` is sorted and names only what the package has."""
    package = importlib.import_module(name)
    assert list(package.__all__) == sorted(package.__all__)
    assert [entry for entry in package.__all__ if not hasattr(package, entry)] == []
