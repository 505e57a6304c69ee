"""Rows of an outbox, delivered by an engine: routed by the present workspace, mapped, sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.pump import BatchOutcome, Part, Prepared
from actions_core.engine.executor import Item, chunks, is_batched, make_item, skipped_result
from actions_core.engine.executor.client import let_through
from actions_core.engine.results import Result, Status
from actions_core.http.retry import read_retry_after
from actions_core.values.events import message_id_of
from actions_core.values.json_bytes import read_stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from actions_core.delivery.routing import Target
    from actions_core.delivery.store import Claimed
    from actions_core.engine import Engine
    from actions_core.engine.pipeline import Step
    from actions_core.errors import ActionsError

#: After how many rows others get a turn in the event loop while a batch is prepared.
_TURN: Final = 100


class Attempts:
    """The attempts of one instance's rows. `targets` are its subscriptions, by their numbers."""

    def __init__(self, engine: Engine, targets: Mapping[int, Target]) -> None:
        self.targets = targets
        self._engine = engine

    def one(self, row: Claimed) -> Awaitable[Result]:
        """Deliver one row alone."""
        target = self.targets[row.subscription]
        step = _step(target, row)
        if isinstance(step, Result):
            return _known(step)
        return self._engine.attempt(target.lane, step)

    async def prepare(self, rows: Sequence[Claimed]) -> Prepared:
        """Map rows of one subscription, and say which go together."""
        target = self.targets[rows[0].subscription]
        items: list[Item] = []
        alone: list[Claimed] = []
        ended: list[tuple[Claimed, Result]] = []
        for place, row in enumerate(rows):
            if place % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            step = _step(target, row)
            if isinstance(step, Result):
                ended.append((row, step))
                continue
            try:
                item = make_item(place, step)
            except BaseException as failed:  # noqa: BLE001 - as in the lane: one payload must not touch the others
                let_through(failed, None, 0)
                error = target.lane.error_of(target.pipeline, failed)
                ended.append((row, _failed(target, step, error)))
                continue
            if item.skip:
                ended.append((row, skipped_result(item, target.lane.connection.mask)))
            elif is_batched(item.payload):
                items.append(item)
            else:
                alone.append(row)
        parts = [
            Part([rows[item.place] for item in part], part) for part in chunks(items, target.pipeline.batch)
        ]
        return Prepared(parts, alone, ended)

    async def deliver(self, part: Part, started_job: Callable[[], None]) -> BatchOutcome:
        """Send a batch."""
        target = self.targets[part.rows[0].subscription]
        lane = target.batch_lane or target.lane
        attempt = await self._engine.attempt_batch(lane, target.pipeline, part.items, started_job)
        sent = [attempt.sent(index) for index in range(len(part.rows))]
        header = None if attempt.response is None else attempt.response.headers.get("retry-after")
        retry_after = None if header is None else read_retry_after(header, datetime.now(UTC))
        return BatchOutcome(attempt.results, sent, attempt.error, retry_after, attempt.unknown)


async def _known(result: Result) -> Result:
    return result


def _step(target: Target, row: Claimed) -> Step | Result:
    """Return the step of a row's event, its result where it is not meant for this subscription any more."""
    step = row.step
    if step is not None and step.pipeline is target.pipeline:
        return step
    event: Any = read_stored(row.body)
    (step,) = target.instance.route(event, only=target.pipeline)
    return step if step.skipped is None else step.skipped.of_event(message_id_of(event))


def _failed(target: Target, step: Step, error: ActionsError) -> Result:
    mask = target.lane.connection.mask
    return Result(
        target.instance.id,
        target.pipeline.name,
        target.pipeline.action,
        Status.FAILED,
        error,
        mask.text(str(error)),
        mask=mask,
        message_id=step.message_id,
    )
