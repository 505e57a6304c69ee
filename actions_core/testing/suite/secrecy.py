"""Secrets stay hidden in results, explanations, errors and logs, whatever the destination responds."""

from __future__ import annotations

import asyncio
import base64
import enum
import json
import logging
import re
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs

from actions_core.destination.multistatus import Node
from actions_core.engine.results import BatchResult, Result
from actions_core.errors import ActionsError
from actions_core.http.requests import Request, Response
from actions_core.testing.cases import TRIAL
from actions_core.testing.recording import RecordingTransport
from actions_core.testing.samples import secret, with_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.destination import Destination
    from actions_core.testing.suite.samples import Sample
    from actions_core.values.types import JsonObject

_STATUSES: Final = (200, 401, 403)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


def find_leaks(destination: Destination, sample: Sample, *, batch: bool = False) -> list[str]:
    """Return a sentence for each place where a secret setting can be seen.

    With `batch` the event goes through the function for batches, twice.
    """
    spec = destination.spec
    secrets = {key: secret(key) for key, field in spec.settings.items() if field.type == "password"}
    settings = with_tokens(spec, {**sample.settings, **secrets})
    oauth = settings.get("oauth")
    if isinstance(oauth, dict):
        secrets |= {f"oauth.{key}": value for key, value in oauth.items() if key != "clientId"}
    hidden = attrs.evolve(sample, settings=settings)
    spellings = {key: _spellings(value) for key, value in secrets.items()}
    found: dict[str, None] = {}
    for status in _STATUSES if secrets else ():
        # Most texts are part of several others, in the same place.
        for place, text in dict.fromkeys(asyncio.run(_seen(destination, hidden, status, batch=batch))):
            plain = [_decoded(part) for part in _BASE64.findall(text)]
            for key, written in spellings.items():
                if any(each in text for each in written) or any(secrets[key] in each for each in plain):
                    found[f"the secret {key} can be seen in {place}"] = None
    return list(found)


async def _seen(
    destination: Destination, sample: Sample, status: int, *, batch: bool
) -> list[tuple[str, str]]:
    """Return every text that a person or a file may get to see, with its place."""
    with captured_logs() as lines:
        try:
            engine, _ = sample.engine(destination, RecordingTransport([_echo(status)] * 5))
        except ActionsError as error:
            return [("the error of a faulty workspace", text) for text in texts(error)]
        async with engine:
            shown: list[tuple[str, Any]] = [("the engine", engine)]
            if batch:
                shown.append(("a batch's result", await engine.send_batch([sample.event, sample.event])))
            else:
                shown.append(("an explanation", await engine.explain(sample.event)))
                shown.append(("a result", await engine.send(sample.event)))
            shown += [(f"{place} as JSON", value.to_dict()) for place, value in shown[1:]]
            if destination.authentication_handler is not None:
                shown.append(("the test of authentication", await engine.test_authentication(TRIAL)))
            if destination.deletion_handler is not None:
                shown.append(
                    ("a deletion", await engine.delete(user_id="user-1", anonymous_id="anonymous-1"))
                )
    return [(place, text) for place, value in [*shown, ("the log", lines)] for text in texts(value)]


def _echo(status: int) -> Any:
    """Return a function that responds with the request itself, as destinations do when they refuse one."""

    def respond(request: Request) -> Response:
        body, _ = request.content()
        echoed: JsonObject = {
            "url": request.url,
            "headers": dict(request.headers),
            "body": (body or b"").decode("utf-8", "replace"),
        }
        return Response(status, {"content-type": "application/json"}, json.dumps(echoed).encode())

    return respond


@contextmanager
def captured_logs() -> Iterator[list[str]]:
    """Collect what the library and the handlers log, at every level, while the context is entered."""
    lines: list[str] = []

    class _Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.getLogger("actions_core")
    collector, level, propagate = _Collector(), logger.level, logger.propagate
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a check that passes prints nothing
    try:
        yield lines
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
        logger.propagate = propagate


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value: its repr, and those in its public attributes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts(item)
    elif value is not None and not isinstance(value, (bool, int, float, enum.Enum)):
        yield repr(value)
        yield str(value)
        yield from texts(_attributes(value))


def _attributes(value: Any) -> list[Any]:
    if isinstance(value, Result):
        # Its properties mask the request and response; what it stores is private.
        return [value.error, value.reason, value.warnings, value.request, value.response]
    if isinstance(value, BatchResult):
        return [value.nodes, value.warnings]
    if isinstance(value, Node):
        return [value.body, value.sent, value.errortype, value.errormessage]
    if isinstance(value, ActionsError):
        return [item for name, item in vars(value).items() if not name.startswith("_")]
    if isinstance(value, (Request, Response)) or attrs.has(type(value)):
        return [
            getattr(value, field.name)
            for field in attrs.fields(type(value))
            if not field.name.startswith("_")
        ]
    return []


def _spellings(value: str) -> tuple[str, ...]:
    """Return how a secret may be written: as it is, in an address, and in Base64."""
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    return value, quote(value, safe=""), encoded


def _decoded(text: str) -> str:
    """Decode Base64: a user name and a password encoded together contain neither as such."""
    try:
        return base64.b64decode(text.rstrip("=") + "==", altchars=b"-_").decode("utf-8", "replace")
    except ValueError:
        return ""
