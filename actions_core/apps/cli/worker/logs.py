"""The log of a worker: a line of JSON, or of text, for each try and for everything else that happens.

A line says which event went where and what became of it, and never what is in it: reasons may quote a
payload, so that a code and the status of the response stand for them. `actions dlq show` has them.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from actions_core.delivery.rules import Again, Dead, Done
from actions_core.engine.observers import is_no_failure
from actions_core.engine.results import Status
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.delivery.pump import Settled

LogFormat: TypeAlias = Literal["json", "text"]

LOGGER: Final = logging.getLogger("actions_core")
#: The attribute of a record with what is told beside its message.
_FIELDS: Final = "fields"


class Formatter(logging.Formatter):
    """Formats records as JSON, or as text with `name=value`."""

    def __init__(self, kind: LogFormat) -> None:
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields: dict[str, Any] = getattr(record, _FIELDS, {})
        time = format_time(datetime.fromtimestamp(record.created, UTC))
        level = record.levelname.lower()
        message = record.getMessage()
        if record.exc_info:
            fields = {**fields, "traceback": self.formatException(record.exc_info)}
        if self._kind == "json":
            return json.dumps({"time": time, "level": level, "message": message, **fields}, default=str)
        told = "".join(f" {name}={_spelled(value)}" for name, value in fields.items() if value is not None)
        return f"{time} {level} {_one_line(message)}{told}"


def _spelled(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text and '"' not in text else json.dumps(text)


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


@contextmanager
def logging_to_stderr(kind: LogFormat) -> Iterator[None]:
    """Log everything to standard error in place of the console's warnings, meanwhile."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(kind))
    # Each failure has a line of its own here: the one for each kind and minute says nothing more.
    handler.addFilter(is_no_failure)
    others, level, propagates = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.handlers[:] = others
        LOGGER.setLevel(level)
        LOGGER.propagate = propagates


def log(message: str, level: int = logging.INFO, **fields: object) -> None:
    """Log a message with fields."""
    LOGGER.log(level, "%s", message, extra={_FIELDS: fields})


def log_try(settled: Settled) -> None:
    """Log a try and what follows from it."""
    result, verdict = settled.result, settled.verdict
    level = logging.INFO
    if isinstance(verdict, Done):
        message = "skipped" if result.status is Status.SKIPPED else "delivered"
    elif isinstance(verdict, Dead):
        message, level = "dead", logging.ERROR
    elif isinstance(verdict, Again):
        message, level = "to be tried again", logging.WARNING
    else:
        message = "given back"
    if not LOGGER.isEnabledFor(level):
        return
    error = result.error
    fields: dict[str, object] = {
        "messageId": result.message_id,
        "instance": result.instance,
        "subscription": result.subscription,
        "try": settled.tries,
        "status": str(result.status),
        "duration": round(result.duration, 4),
    }
    if error is not None:
        fields["code"] = verdict.code if isinstance(verdict, Dead) else error.code
        fields["response"] = error.status
    if isinstance(verdict, Again):
        fields["due"] = format_time(datetime.fromtimestamp(verdict.due, UTC))
    log(message, level, **fields)
