"""The command `actions`. Only this package needs the extra `[cli]`, and says so when it is missing."""

from __future__ import annotations

import signal
import sys
from typing import Final

_EXTRA = {"rich", "typer"}
_FAULTY: Final = 2
_INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line; the entry point of `actions` and of `python -m actions_core.apps.cli`."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    # What is left is to end; a second Ctrl-C would only make a traceback of that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.exit(code)


def _run() -> int:
    from actions_core.apps.cli.streams import guard_streams

    guard_streams()
    try:
        from actions_core.apps.cli.app import run_app  # here: the rest works without the extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write(
            f"The command line needs the package {error.name!r}, which is not installed.\n"
            "It comes with the extra: pip install 'actions-core[cli]'\n"
        )
        return _FAULTY
    return run_app()
