"""What gets installed: not only modules, but the files that they read, and no name that others use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from actions_core.destination.registry import ENTRY_POINTS

ROOT = Path(__file__).parents[1]
APPLICATION = """
import json, pathlib
import actions_core, actions_fullstory
import destinations.mine
from actions_core import Engine, Registry, Workspace

folder = pathlib.Path(destinations.__file__).parents[2]
for package in (actions_core, actions_fullstory):
    assert pathlib.Path(package.__file__).is_relative_to(folder / "site"), package.__file__
settings = {"apiKey": "na1.key"}
instance = {"destination": "actions-fullstory-cloud", "settings": settings, "subscriptions": "presets"}
Engine(Workspace.from_dict({"destinations": [instance]}))
print(json.dumps([destinations.mine.WHERE, list(Registry().discover().slugs)]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)  # noqa: S603  # our own build
    [found] = folder.glob("*.whl")
    return found


def test_a_wheel_holds_every_file_that_is_read(wheel: Path) -> None:
    """Schemas, templates, definitions and the marks of typed packages are where the code looks for them."""
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    data = [path for path in (ROOT / "actions_core").rglob("*") if path.suffix not in {".py", ".pyc", ""}]
    wanted = {path.relative_to(ROOT).as_posix() for path in data if "__pycache__" not in path.parts}
    wanted |= {f"actions_core/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    folder = ROOT / "destinations"
    wanted |= {path.relative_to(folder).as_posix() for path in folder.glob("*/destination.json")}
    assert wanted - held == set()
    assert {
        "actions_core/py.typed",
        "actions_core/authoring/scaffold/templates/custom/src/package/handlers.py.txt",
    } <= held
    packages = {name.partition("/")[0] for name in held if ".dist-info/" not in name}
    assert packages == {"actions_core"} | {path.parent.name for path in folder.glob("*/destination.json")}


def test_an_application_keeps_its_own_destinations(wheel: Path, tmp_path: Path) -> None:
    """Beside a package `destinations` of an application, both it and the installed destinations work."""
    site, application = tmp_path / "site", tmp_path / "application"
    (application / "destinations").mkdir(parents=True)
    (application / "destinations" / "__init__.py").write_text("", encoding="utf-8")
    (application / "destinations" / "mine.py").write_text("WHERE = 'in the application'\n", encoding="utf-8")
    offline = ("--no-index", "--no-deps", "--disable-pip-version-check", "-q")
    install = [sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)  # noqa: S603  # our own wheel
    run = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", APPLICATION],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (application, site))),
            "PYTHONSAFEPATH": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    installed = sorted(point.name for point in entry_points(group=ENTRY_POINTS))
    assert json.loads(run.stdout) == ["in the application", installed]
