"""New packages: which names they may have, and that nothing of a template is left open."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from actions_core.authoring.scaffold import (
    TEMPLATES,
    check_name,
    check_slug,
    distribution_name,
    package_files,
    package_name,
)
from actions_core.errors import DefinitionError


@pytest.mark.parametrize("slug", ["acme", "acme-orders", "a1-2b", "x" * 50])
def test_a_good_slug_passes(slug: str) -> None:
    """It can name a destination, a distribution and a package at once."""
    check_slug(slug)


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "Acme",
        "1acme",
        "actions_acme_orders",
        "-a",
        "a-",
        "a--b",
        "a.b",
        "a/b",
        "..",
        "é",
        "x" * 51,
        "a\n",
    ],
)
def test_a_slug_has_one_form(slug: str) -> None:
    """Small letters and digits in words joined by dashes."""
    with pytest.raises(DefinitionError, match="small letters"):
        check_slug(slug)


@pytest.mark.parametrize("slug", ["core", "actions-core"])
def test_a_slug_takes_no_name_away(slug: str) -> None:
    """A package that hides the library itself is refused."""
    with pytest.raises(DefinitionError, match="actions_core is the library itself"):
        check_slug(slug)


@pytest.mark.parametrize(
    ("slug", "package"),
    [
        ("shop", "actions_shop"),
        ("json", "actions_json"),
        ("class", "actions_class"),
        ("acme-orders", "actions_acme_orders"),
        ("actions-shop", "actions_shop"),
    ],
)
def test_a_package_takes_no_name_that_others_use(slug: str, package: str) -> None:
    """Import package and distribution are called `actions_` and the slug; a slug that begins so keeps it."""
    check_slug(slug)
    assert package_name(slug) == package
    assert distribution_name(slug) == package.replace("_", "-")


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a\n", 'a"b', "a\\b", "a|b", "`a`", "<b>", "@@slug@@", "x" * 61]
)
def test_a_name_can_stand_anywhere(name: str) -> None:
    """What would break a table, a docstring or JSON is refused."""
    with pytest.raises(DefinitionError, match="name"):
        check_name(name)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_package_is_complete(template: str) -> None:
    """Every word is filled in, every data file reads, and the entry point names the package."""
    files = package_files("acme-orders", name="Acme & Söhne (Orders)", template=template)
    assert {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        "src/actions_acme_orders/__init__.py",
        "src/actions_acme_orders/py.typed",
        "src/actions_acme_orders/destination.json",
        "tests/test_conformance.py",
        "tests/cases/trackEvent.json",
    } <= set(files)
    assert ("src/actions_acme_orders/handlers.py" in files) == (template != "json")
    assert ("handlers.py" in files["README.md"]) == (template != "json")
    assert not [path for path, text in files.items() if "@@" in path + text]
    assert all(not text or re.search(r"[^\n]\n\Z", text) for text in files.values())
    definition = json.loads(files["src/actions_acme_orders/destination.json"])
    assert (definition["slug"], definition["name"]) == ("acme-orders", "Acme & Söhne (Orders)")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "actions-acme-orders"
    assert project["entry-points"]["actions_core.destinations"] == {
        "acme-orders": "actions_acme_orders:destination"
    }


def test_the_name_is_made_of_the_slug() -> None:
    """Where no name is given, the slug's words stand for it."""
    files = package_files("acme-orders")
    assert files["README.md"].startswith("# Acme Orders\n")


def test_an_unknown_template_is_named() -> None:
    """With the one that was meant, or those that there are."""
    with pytest.raises(DefinitionError, match="did you mean 'oauth2'"):
        package_files("acme", template="oauth")
    with pytest.raises(DefinitionError, match="there are minimal, custom"):
        package_files("acme", template="zzz")
