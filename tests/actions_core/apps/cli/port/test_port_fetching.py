"""The published package is fetched once, by whatever `npm` is on the path; here, one of the tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from actions_core.apps.cli.port.fetching import fetch_published
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from pathlib import Path

_NPM = f"""#!{sys.executable}
import io, json, pathlib, sys, tarfile
log = pathlib.Path({{log!r}})
with log.open("a") as file:
    file.write(" ".join(sys.argv[1:3]) + "\\n")
if sys.argv[1] == "install":
    names = json.loads(pathlib.Path("package.json").read_text())["dependencies"]
    for name in names:
        pathlib.Path("node_modules", name).mkdir(parents=True)
else:
    if {{broken!r}}:
        sys.stderr.write("npm error 404")
        sys.exit(1)
    with tarfile.open("x.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        data = sys.argv[2].encode()
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
"""


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, *, broken: bool = False) -> Path:
    """Put an `npm` on the path that makes what it is asked for, and return the file of its calls."""
    tools, log = folder / "bin", folder / "calls.txt"
    tools.mkdir()
    script = tools / "npm"
    script.write_text(_NPM.format(log=str(log), broken=broken), encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("ACTIONS_PORT_CACHE", str(folder / "cache" / "published"))
    return log


def test_it_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package and its dependencies are put into the cache; the second time nothing is fetched."""
    log = npm(tmp_path, monkeypatch)
    said: list[str] = []
    folder = fetch_published(said.append)
    package = folder / "node_modules" / "@segment" / "action-destinations" / "package.json"
    assert package.read_text(encoding="utf-8").startswith("@segment/action-destinations@")
    assert (folder / "node_modules" / "lodash").is_dir()
    assert len(said) == 1
    calls = log.read_text(encoding="utf-8")
    assert fetch_published(said.append) == folder
    assert log.read_text(encoding="utf-8") == calls
    assert [path.name for path in folder.parent.iterdir()] == ["published"]


def test_what_npm_says_when_it_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of npm is an error with its words, and leaves nothing that looks complete."""
    npm(tmp_path, monkeypatch, broken=True)
    with pytest.raises(ActionsError, match="npm error 404"):
        fetch_published()
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_npm_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where npm is missing, the error says what it is needed for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ACTIONS_PORT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ActionsError, match="fetched by npm, which is not installed"):
        fetch_published()
