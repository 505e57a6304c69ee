"""One more action: where it goes, and what is left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.authoring.scaffold import add_action, package_files
from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path


def project(folder: Path, template: str = "custom", slug: str = "acme") -> Path:
    """A new package in a folder."""
    for path, text in package_files(slug, template=template).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def test_an_action_goes_into_three_files(tmp_path: Path) -> None:
    """The definition, the module of the functions, and a case of its own."""
    project(tmp_path)
    before = (tmp_path / "src/actions_acme/handlers.py").read_text(encoding="utf-8")
    files = add_action(tmp_path, "addHTTPOrder2")
    handlers = files[tmp_path / "src/actions_acme/handlers.py"]
    assert handlers.startswith(before)
    assert '@destination.action("addHTTPOrder2")\ndef add_http_order2(\n' in handlers
    definition = json.loads(files[tmp_path / "src/actions_acme/destination.json"])
    assert list(definition["actions"]) == ["trackEvent", "addHTTPOrder2"]
    assert definition["actions"]["addHTTPOrder2"]["title"] == "Add HTTP Order 2"
    [case] = json.loads(files[tmp_path / "tests/cases/addHTTPOrder2.json"])
    assert (case["action"], case["settings"]) == ("addHTTPOrder2", {"apiKey": "apiKey-1"})
    assert len(files) == 3


def test_without_functions_the_request_is_json(tmp_path: Path) -> None:
    """Where no action has a function, the new one has none either."""
    files = add_action(project(tmp_path, "json") / "src" / "actions_acme", "addOrder")
    action = json.loads(files[tmp_path / "src/actions_acme/destination.json"])["actions"]["addOrder"]
    assert action["request"]["url"] == "/addOrder"
    assert len(files) == 2


MODULE = """import json
from actions_core import (
    Client,
    Destination,
)

acme = Destination.from_package(__package__)


@acme.action("trackEvent")
async def add_order(*, client: Client, **fields: str) -> None:
    pass
"""


def test_names_of_the_module_are_respected(tmp_path: Path) -> None:
    """The destination's variable may have any name, no function is defined twice, imports are completed."""
    project(tmp_path)
    module = tmp_path / "src/actions_acme/__init__.py"
    (tmp_path / "src/actions_acme/handlers.py").unlink()
    module.write_bytes(MODULE.replace("\n", "\r\n").encode())
    text = add_action(tmp_path, "addOrder")[module]
    assert ")\r\nfrom actions_core import Request\r\n\r\nacme = " in text
    assert '\r\n\r\n\r\n@acme.action("addOrder")\r\ndef add_order_(\r\n' in text
    assert "\n" not in text.replace("\r\n", "")


def test_cases_lie_where_the_others_are(tmp_path: Path) -> None:
    """In a project of several destinations each has a folder of cases under its own name."""
    (tmp_path / "pyproject.toml").touch()
    package = tmp_path / "plugins" / "acme"
    package.mkdir(parents=True)
    definition: dict[str, Any] = {"slug": "acme", "name": "Acme", "actions": {}}
    (package / "destination.json").write_text(json.dumps(definition), encoding="utf-8")
    assert tmp_path / "tests/cases/addOrder.json" in add_action(package, "addOrder")
    (tmp_path / "tests/plugins/acme/cases").mkdir(parents=True)
    assert tmp_path / "tests/plugins/acme/cases/addOrder.json" in add_action(package, "addOrder")
    assert tmp_path / "else/addOrder.json" in add_action(package, "addOrder", cases=tmp_path / "else")


@pytest.mark.parametrize("key", ["", "1a", "add order", "add-order", "a" * 41, "é", "a\n"])
def test_a_key_has_one_form(key: str, tmp_path: Path) -> None:
    """Letters and digits, so that the function's name is plain."""
    with pytest.raises(DefinitionError, match="letters and digits"):
        add_action(project(tmp_path), key)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An action or a case that is there already is left alone."""
    project(tmp_path)
    with pytest.raises(DefinitionError, match="an action 'trackEvent' already"):
        add_action(tmp_path, "trackEvent")
    (tmp_path / "tests/cases/addOrder.json").touch()
    with pytest.raises(DefinitionError, match="such a file already"):
        add_action(tmp_path, "addOrder")


def test_a_folder_holds_one_destination(tmp_path: Path) -> None:
    """Without one, with several, or with one that is faulty, nothing is guessed."""
    with pytest.raises(DefinitionError, match=r"no destination\.json"):
        add_action(tmp_path, "addOrder")
    project(tmp_path)
    (tmp_path / "src/actions_acme/handlers.py").write_text('@x.action("a")\ndef f(:', encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"handlers\.py:2: "):
        add_action(tmp_path, "addOrder")
    project(tmp_path, slug="other")
    with pytest.raises(DefinitionError, match="several destinations"):
        add_action(tmp_path, "addOrder")
    (tmp_path / "src/actions_acme/destination.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DefinitionError, match="is faulty"):
        add_action(tmp_path / "src/actions_acme", "addOrder")
