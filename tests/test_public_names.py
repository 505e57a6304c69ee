"""The public names: what Python finds, what type checkers read and what the docs list are the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import actions_core

ROOT = Path(__file__).parents[1]


def names_for_type_checkers() -> list[str]:
    """The names that `actions_core` imports for type checkers, each under its own name."""
    tree = ast.parse((ROOT / "actions_core" / "__init__.py").read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname or "" for node in imports for alias in node.names if alias.asname == alias.name]


def names_in_the_docs() -> list[str]:
    """The names in the tables of the page of public names."""
    page = (ROOT / "docs" / "reference" / "public-names.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)


def test_type_checkers_read_the_same_names() -> None:
    """Each public name stands once in the imports for type checkers, and nothing else does."""
    assert sorted(names_for_type_checkers()) == sorted(actions_core.__all__)


def test_the_docs_list_the_same_names() -> None:
    """Each public name stands once in the page of public names, and nothing else does."""
    assert sorted(names_in_the_docs()) == sorted(actions_core.__all__)


def test_every_public_name_is_explained() -> None:
    """Each public class and function has a docstring."""
    public = {name: getattr(actions_core, name) for name in actions_core.__all__}
    assert [name for name, value in public.items() if callable(value) and not value.__doc__] == []
