"""`actions init` and `actions add-action`: what they make passes every tool at once, as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actions_core.authoring.scaffold import TEMPLATES, add_action, package_files

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shell

#: A slug and a name as long as they may be: lines get longer, and must not get too long.
LONG = "acme-" + "x" * 45
NAME = "Acme " + "X" * 55


def passes(folder: Path, *command: str | Path) -> None:
    """Run a tool in a folder; it has to be content."""
    run = subprocess.run(  # noqa: S603  # tools of ours, on what we made
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


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


def test_new_packages_pass_lint(made: Path) -> None:
    """Linter and formatter, as each package configures them, with and without another action."""
    passes(made, "ruff", "check", ".")
    passes(made, "ruff", "format", "--check", ".")


def test_new_packages_pass_the_type_checker(made: Path) -> None:
    """Strictly, functions and tests; all at once, because most of the time goes into ours."""
    config = made / "custom" / "pyproject.toml"
    packages = [package for template in TEMPLATES for package in (made / template / "src").iterdir()]
    passes(made, "mypy", "--config-file", config, *packages, made / "custom" / "tests")


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
