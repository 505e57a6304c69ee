"""How long a case may work: a second of the processor for each call that a user makes."""

from __future__ import annotations

import signal
import threading
from typing import Final

#: Seconds of the processor.
LIMIT: Final = 1.0


def renew_limit() -> None:
    """Have the limit begin anew, where there is one: in the main thread, while signals are caught."""
    if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGPROF)):
        # With an interval: what swallows the first one gets another.
        signal.setitimer(signal.ITIMER_PROF, LIMIT, 0.5)
