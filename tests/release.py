"""Build the release, check it, and install it on each Python found: `python tests/release.py`.

On each, the wheel goes into a bare virtual environment, alone, where it delivers an event, and with the
command line. The sdist is unpacked, and the first command of its README runs with nothing but Python.
Times and sizes are printed. Needs the network, for what is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.every_python import VERSIONS, find_pythons  # noqa: E402 - the path of the repository comes first

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
FOLDER = ROOT / "build" / "release"
#: What a first delivery needs, and no more: a new package is added on purpose.
MOST_PACKAGES = 17
MOST_MEGABYTES = 35
FIRST_DELIVERY = """
import asyncio
from actions_core import Engine, Workspace
from actions_core.testing import RecordingTransport

async def main():
    instance = {"destination": "fullstory", "settings": {"apiKey": "na1.key"}, "subscriptions": "presets"}
    network = RecordingTransport()
    async with Engine(Workspace.from_dict({"destinations": [instance]}), transport=network) as engine:
        await engine.send({"type": "track", "event": "Order Completed", "userId": "u-1"})
    assert len(network.requests) == 1, network.requests

asyncio.run(main())
"""
#: What pip has to know of the network that it is in.
FOR_PIP = re.compile(r"pip_|ssl_|requests_|.*_proxy$", re.IGNORECASE)
#: Nothing of this environment but where programs and the home are.
BARE = {
    **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
    **{name: value for name, value in os.environ.items() if FOR_PIP.match(name)},
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command in a bare environment; return what it prints, and end everything where it fails."""
    words = list(map(str, command))
    done = subprocess.run(words, cwd=folder, env=BARE, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build() -> tuple[Path, Path]:
    """Build the wheel and the sdist, and have twine check them."""
    for old in FOLDER.glob("*"):
        old.unlink()
    run(sys.executable, "-m", "hatchling", "build", "--directory", FOLDER)
    [wheel], [sdist] = FOLDER.glob("*.whl"), FOLDER.glob("*.tar.gz")
    assert f"-{VERSION}-" in wheel.name, wheel
    print(
        run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", wheel, sdist).strip(),
        flush=True,
    )
    return wheel, sdist


def size_of(folder: Path) -> float:
    """Return the megabytes of a folder of packages, without the bytecode and the installer."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    return (
        sum(path.stat().st_size for path in files if not path.relative_to(folder).parts[0].startswith(tools))
        / 1e6
    )


def try_wheel(version: str, python: str, wheel: Path, folder: Path) -> None:
    """Install the wheel alone, deliver an event, then install the command line and ask for the version."""
    begun = time.monotonic()
    run(python, "-m", "venv", folder)
    inside = folder / "bin" / "python"
    run(inside, "-m", "pip", "install", "--quiet", wheel)
    listed = run(inside, "-m", "pip", "list", "--format=freeze").split()
    packages = [name for name in listed if not name.startswith(("pip==", "setuptools==", "wheel=="))]
    [site] = folder.glob("lib/python*/site-packages")
    size = size_of(site)
    run(inside, "-c", FIRST_DELIVERY, folder=folder)
    assert len(packages) <= MOST_PACKAGES + 1, packages
    assert size <= MOST_MEGABYTES, size
    run(inside, "-m", "pip", "install", "--quiet", f"{wheel}[cli,fast]")
    told = run(folder / "bin" / "actions", "--version", folder=folder).strip()
    assert told == VERSION, told
    taken = time.monotonic() - begun
    print(
        f"Python {version}: the wheel brings {len(packages) - 1} other packages, {size:.0f} MB in all, and "
        f"delivers an event; with the command line, actions --version says {told} ({taken:.0f} s)",
        flush=True,
    )


def try_demo(version: str, python: str, sdist: Path, folder: Path) -> None:
    """Unpack the sdist, and run the README's first command there."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [unpacked] = folder.iterdir()
    taken = []
    for _ in range(2):
        begun = time.monotonic()
        run("make", "demo", f"PYTHON={python}", folder=unpacked)
        taken.append(time.monotonic() - begun)
    first, second = taken
    print(
        f"Python {version}: make demo of the sdist runs with nothing installed ({first:.0f} s), "
        f"and again ({second:.0f} s)",
        flush=True,
    )


def main() -> None:
    """Build and check the release on every Python that is there."""
    wheel, sdist = build()
    pythons = find_pythons()
    for version, python in pythons.items():
        with tempfile.TemporaryDirectory() as folder:
            try_wheel(version, python, wheel, Path(folder) / "bare")
            try_demo(version, python, sdist, Path(folder) / "sdist")
    for version in VERSIONS:
        if version not in pythons:
            print(f"Python {version}: not tried, since it is not here")
    print(f"The release is in {FOLDER.relative_to(ROOT)}: {wheel.name}, {sdist.name}. Nothing was published.")


if __name__ == "__main__":
    main()
