"""The published package, fetched by npm into the user's cache, once for each version."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from actions_core.authoring.port.packages import BARE, PACKAGE, VERSION, cache_folder, manifest
from actions_core.errors import ActionsError

_OLDEST_NODE: Final = 18
_DONE: Final = "complete"
_PATIENCE_S: Final = 600
_LONGEST_ERROR: Final = 600


def find_node() -> str:
    """Return the path of node. Raises `ActionsError` where there is none, or one that is too old."""
    node = shutil.which("node")
    if node is None:
        raise ActionsError(
            "`actions port` runs the published destinations with node, which is not installed: "
            f"install node {_OLDEST_NODE} or newer (https://nodejs.org), then try again"
        )
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on the path
    version = found.stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST_NODE:
        raise ActionsError(
            f"`actions port` needs node {_OLDEST_NODE} or newer, but {node} is {version or 'broken'}"
        )
    return node


def fetch_published(tell: object = None) -> Path:
    """Return the folder with the published package, fetching it where it is not there yet.

    `tell` is called with a sentence before that begins. Raises `ActionsError` where it cannot be fetched.
    """
    folder = cache_folder()
    if (folder / _DONE).exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise ActionsError(f"{PACKAGE} is fetched by npm, which is not installed; it comes with node")
    if callable(tell):
        tell(f"fetching {PACKAGE} {VERSION} into {folder}, once")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as made:
        new = Path(made) / "new"
        new.mkdir()
        (new / "package.json").write_text(manifest(), encoding="utf-8")
        _run(npm, ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], new)
        for name, version in BARE.items():
            _unpack(npm, name, version, new)
        (new / _DONE).touch()
        try:
            new.rename(folder)
        except OSError:
            # Somebody else was quicker, or what lies there was never completed.
            if not (folder / _DONE).exists():
                shutil.rmtree(folder, ignore_errors=True)
                new.rename(folder)
    return folder


def _unpack(npm: str, name: str, version: str, folder: Path) -> None:
    _run(npm, ["pack", f"{name}@{version}", "--silent"], folder)
    packed = next(iter(folder.glob("*.tgz")), None)
    if packed is None:
        raise ActionsError(f"npm has fetched no file for {name} {version}")
    place = folder / "node_modules" / name
    with tempfile.TemporaryDirectory(dir=folder) as made:
        with tarfile.open(packed) as archive:
            archive.extractall(made, filter="data")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(made) / "package", place)
    packed.unlink()


def _run(npm: str, arguments: list[str], folder: Path) -> None:
    try:
        found = subprocess.run(  # noqa: S603 - npm as found on the path, with arguments of our own
            [npm, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise ActionsError(f"npm {arguments[0]} took longer than {_PATIENCE_S} s; try again") from None
    if found.returncode:
        said = (found.stderr or found.stdout).strip()[-_LONGEST_ERROR:]
        raise ActionsError(f"npm {arguments[0]} failed, so {PACKAGE} {VERSION} is not there: {said}")
