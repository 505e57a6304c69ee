"""What delivery costs those who do not use it: nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("actions_core", ["sqlite3", "nats", "actions_core.delivery"]),
        ("actions_core.engine.engine", ["sqlite3", "actions_core.delivery"]),
        ("actions_core.delivery.rules", ["sqlite3"]),
        ("actions_core.delivery.store", ["sqlite3"]),
        ("actions_core.apps.cli.app", ["sqlite3", "nats", "actions_core.engine", "actions_core.authoring"]),
        ("actions_core.delivery.outbox", ["nats", "actions_core.delivery.jetstream"]),
        ("actions_core.delivery.jetstream.worker", ["sqlite3", "actions_core.delivery.file"]),
    ],
)
def test_sqlite_loads_with_a_file_only(module: str, absent: list[str]) -> None:
    """Neither the engine nor the rules of delivery load SQLite or NATS, nor the engine delivery."""
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert run.stdout.strip() == "[]"


def test_a_broker_without_its_client_says_what_to_install() -> None:
    """Where nats-py is missing, a broker is an error that names the extra to install."""
    code = (
        "import sys; sys.modules['nats'] = None\n"
        "from actions_core import ActionsError\n"
        "try:\n    import actions_core.delivery.jetstream.worker\n"
        "except ActionsError as error:\n    print(error.code, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert run.stdout.strip() == "NATS_MISSING a broker needs nats-py: pip install 'actions-core[nats]'"
