"""Names of packages that are imported when they are first asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

LAZY = ["actions_core.destination", "actions_core.engine", "actions_core.engine.executor"]


@pytest.mark.parametrize("package", LAZY)
def test_every_name_is_found_at_its_home(package: str) -> None:
    """Each name that a package lists can be imported from it, and is the same object each time."""
    module = import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is getattr(module, name)


@pytest.mark.parametrize("package", LAZY)
def test_another_name_is_an_attribute_error(package: str) -> None:
    """A name that a package does not have is told with the package's name."""
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        import_module(package).nothing  # noqa: B018 - asking for it is the test


def test_the_parts_of_an_engine_load_with_the_first_one() -> None:
    """The import of `Engine` loads neither the languages of mappings and conditions nor what validates."""
    code = (
        "import sys\nfrom actions_core import Engine\n"
        "late = ['mapping', 'subscriptions', 'validation', 'destination.destination', 'engine.pipeline']\n"
        "print([name for name in late if f'actions_core.{name}' in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert run.stdout.strip() == "[]"
