"""The options of an engine, for those who hand them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from actions_core.destination.registry import Registry
    from actions_core.destination.state import State
    from actions_core.destination.stats import Stats
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.engine.observers import ResultListener, Tracing
    from actions_core.http.requests import Transport


class Options(TypedDict, total=False):
    """The options of `Engine`, by name."""

    registry: Registry | None
    transport: Transport | None
    max_event_bytes: int
    features: Mapping[str, Any] | None
    logger: logging.Logger
    state: State | None
    stats: Stats | None
    tracing: Tracing | None
    on_result: ResultListener | None
    on_token_refresh: TokenListener | None
