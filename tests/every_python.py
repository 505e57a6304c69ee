"""Runs the tests on each supported Python that this machine has, each in a virtual environment of its own.

`python tests/every_python.py` runs the whole suite on all of them, `--newest` the core's tests on the newest
one, if it is another than the one that runs this script. Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
#: What may differ between versions: not the command line, documentation, packaging and text that is generated
#: for authors, nor what kills and random calls do to a file, which is SQLite's part.
CORE = [
    "tests/actions_core",
    "tests/conformance",
    "tests/destinations",
    "--ignore=tests/actions_core/apps",
    "--ignore=tests/actions_core/authoring",
    "--ignore=tests/actions_core/delivery/file/test_chaos.py",
    "--ignore=tests/actions_core/delivery/file/test_state_machine.py",
]
#: How many examples the tests of properties try there, as a part of the usual number.
EXAMPLES = "0.1"


def find_pythons() -> dict[str, str]:
    """Return a working interpreter for each supported version, by version."""
    found: dict[str, str] = {}
    for version in VERSIONS:
        managed = Path.home() / ".pyenv" / "versions"
        places = [f"python{version}", *map(str, sorted(managed.glob(f"{version}.*/bin/python{version}")))]
        for place in places:
            if _version_of(place) == version:
                found[version] = place
                break
    return found


def _version_of(python: str) -> str:
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - a Python of this machine
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def run_tests(version: str, python: str, arguments: list[str], **changes: str) -> int:
    """Run pytest on one Python in its virtual environment, and return the exit code."""
    folder = ROOT / f".venv-{version}"
    inside = folder / "bin" / "python"
    stamp = folder / ".dev"
    project = ROOT / "pyproject.toml"
    if not stamp.exists() or stamp.stat().st_mtime < project.stat().st_mtime:
        print(f"Python {version}: installing into {folder.name}, once", flush=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)  # noqa: S603 - as above
        install = [str(inside), "-m", "pip", "install", "-qq", "--editable", ".[dev]"]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run(install, cwd=ROOT, check=True, env=environment)  # noqa: S603 - our own package
        stamp.touch()
    print(f"Python {version}: {' '.join(arguments) or 'the whole suite'}", flush=True)
    command = [str(inside), "-m", "pytest", "-n", "auto", "--dist", "worksteal", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **changes}, check=False).returncode  # noqa: S603 - our own tests


def main() -> int:
    """Run what the arguments ask for; return 1 where a test failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--newest", action="store_true", help="the core's tests on the newest Python only")
    asked = parser.parse_args()
    pythons = find_pythons()
    missing = [version for version in VERSIONS if version not in pythons]
    if missing:
        print(f"not on this machine: Python {', '.join(missing)}", flush=True)
    if asked.newest:
        newest = list(pythons)[-1]
        if newest == f"{sys.version_info[0]}.{sys.version_info[1]}":
            print(f"Python {newest} is the newest here, and has run the whole suite", flush=True)
            return 0
        return min(run_tests(newest, pythons[newest], CORE, EXAMPLES=EXAMPLES), 1)
    codes = {version: run_tests(version, python, []) for version, python in pythons.items()}
    for version, code in codes.items():
        print(f"Python {version}: {'passed' if code == 0 else 'FAILED'}", flush=True)
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())
