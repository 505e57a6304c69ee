"""The command `actions`. Only this package needs the extra `[cli]`, and says so when it is missing."""

from __future__ import annotations

import sys

_EXTRA = {"rich", "typer"}


def main() -> None:
    """Run the command line; the entry point of `actions` and of `python -m actions_core.apps.cli`."""
    try:
        from actions_core.apps.cli.app import run_app  # here: the rest works without the extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write(
            f"The command line needs the package {error.name!r}, which is not installed.\n"
            "It comes with the extra: pip install 'actions-core[cli]'\n"
        )
        sys.exit(2)
    run_app()
