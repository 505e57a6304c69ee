"""The destination that an author tries is what its files say now."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import DefinitionError
from actions_core.apps.server.tester import subject as module
from actions_core.apps.server.tester.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFINITION: dict[str, Any] = {
    "slug": "mine",
    "name": "Mine",
    "mode": "cloud",
    "actions": {"act": {"title": "Act", "description": "D", "fields": {}}},
}
PACKAGE = "project/src/mine_package"
HANDLERS = """
from actions_core import Destination, Request
from subject_package.helper import PATH

destination = Destination.from_package(__package__)

@destination.action("act")
def act() -> Request:
    return Request("GET", PATH)
"""


def write(file: Path, text: str, *, at: int = 0) -> None:
    """Write a file; `at` tells its times apart, however coarse they are."""
    file.write_text(text, encoding="utf-8")
    if at:
        os.utime(file, (at, at))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a destination."""
    folder = tmp_path / "subject_package"
    folder.mkdir()
    write(folder / "destination.json", json.dumps({**DEFINITION, "slug": "subject"}))
    write(folder / "helper.py", 'PATH = "/first"\n')
    write(folder / "handlers.py", HANDLERS)
    write(folder / "__init__.py", "from subject_package.handlers import destination as destination\n")
    info = tmp_path / "subject-1.0.dist-info"
    info.mkdir()
    write(info / "METADATA", "Metadata-Version: 2.1\nName: subject\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[actions_core.destinations]\nsubject = subject_package:destination\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    module.forget("subject_package")


def path_of(subject: Subject) -> str:
    """Where the action's request goes."""
    request: Any = subject.destination.handlers["act"].call({})
    return str(request.url)


def test_a_package_is_loaded_again(package: Path) -> None:
    """A changed module and a changed definition are taken up, also a module that another one imports."""
    subject = Subject("subject")
    assert (subject.folder, path_of(subject)) == (package, "/first")
    write(package / "helper.py", 'PATH = "/other"\n')  # as long as before, and in the same second
    subject.reload()
    assert path_of(subject) == "/other"
    write(package / "destination.json", json.dumps({**DEFINITION, "slug": "subject", "name": "New"}))
    subject.reload()
    assert subject.destination.spec.name == "New"


def test_a_mistake_is_told_until_it_is_mended(package: Path) -> None:
    """A package that cannot be imported is an error of whoever asks, and goes on once it is mended."""
    subject = Subject("subject")
    write(package / "helper.py", "PATH = \n")
    subject.reload()
    with pytest.raises(DefinitionError, match="SyntaxError"):
        _ = subject.destination
    write(package / "helper.py", 'PATH = "/mended"\n')
    subject.reload()
    assert path_of(subject) == "/mended"


def test_a_definition_alone(tmp_path: Path) -> None:
    """A destination may be a file, or the folder that contains it; a faulty one is refused."""
    file = tmp_path / "destination.json"
    write(file, json.dumps(DEFINITION))
    assert Subject(str(file)).destination.slug == "mine"
    assert Subject(str(tmp_path)).folder == tmp_path
    write(file, json.dumps({**DEFINITION, "actions": {"act": {"title": 1}}}))
    with pytest.raises(DefinitionError, match=r"actions\.act"):
        Subject(str(file))
    with pytest.raises(DefinitionError, match="no destination is called"):
        Subject("no-such-destination")


@pytest.mark.parametrize("place", ["project", PACKAGE, f"{PACKAGE}/destination.json"])
def test_a_package_that_is_not_installed(place: str, tmp_path: Path) -> None:
    """The folder of a project or a package stands for the package, and so does its definition's file."""
    folder = tmp_path / "project" / "src" / "mine_package"
    folder.mkdir(parents=True)
    write(folder / "destination.json", json.dumps(DEFINITION))
    write(folder / "helper.py", 'PATH = "/first"\n')
    write(folder / "handlers.py", HANDLERS.replace("subject_package", "mine_package"))
    write(folder / "__init__.py", "from mine_package.handlers import destination as destination\n")
    try:
        subject = Subject(str(tmp_path / place))
        assert (subject.folder, path_of(subject)) == (folder, "/first")
        write(folder / "helper.py", 'PATH = "/other"\n')
        subject.reload()
        assert path_of(subject) == "/other"
        write(folder / "helper.py", "PATH = \n")
        subject.reload()
        with pytest.raises(DefinitionError, match=r"mine_package.*SyntaxError"):
            _ = subject.destination
    finally:
        module.forget("mine_package")


def test_a_folder_without_a_destination(tmp_path: Path) -> None:
    """A folder without a definition is an error that names it."""
    with pytest.raises(DefinitionError, match=r"there is no destination\.json in it"):
        Subject(str(tmp_path))


def test_changes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change of a file loads the destination again, and is told."""
    monkeypatch.setattr(module, "LOOK", 0.01)
    file = tmp_path / "destination.json"
    write(file, json.dumps(DEFINITION), at=1000)
    subject = Subject(str(file))

    async def main() -> None:
        told = asyncio.Event()

        async def tell() -> None:
            told.set()

        watching = asyncio.create_task(subject.watch(tell))
        for name in ("Second", "Third"):
            write(file, json.dumps({**DEFINITION, "name": name}), at=1000 + len(name))
            async with asyncio.timeout(30):
                await told.wait()
            told.clear()
            assert subject.destination.spec.name == name
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(main())


def test_what_is_compared(package: Path) -> None:
    """Files of any kind count, in folders too; compiled ones do not."""
    subject = Subject("subject")
    before = subject._look()
    (package / "__pycache__").mkdir(exist_ok=True)
    write(package / "__pycache__" / "x.pyc", "")
    assert subject._look() == before
    (package / "more").mkdir()
    write(package / "more" / "data.txt", "x")
    assert subject._look() != before
