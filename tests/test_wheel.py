"""What gets installed: not only modules, but the files that they read."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_wheel_holds_every_file_that_is_read(tmp_path: Path) -> None:
    """Schemas, templates, definitions and the marks of typed packages are where the code looks for them."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)  # noqa: S603  # our own build
    [wheel] = tmp_path.glob("*.whl")
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
    assert not [name for name in held if name.startswith(("tests/", "benchmarks/", "destinations/"))]
