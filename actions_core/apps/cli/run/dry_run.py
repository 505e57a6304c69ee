"""What a run would send: its requests, in the order of the events, and nothing of it sent."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.text import Text

from actions_core.apps.cli.output import Exit, counted, print_request, printable, stderr, stdout
from actions_core.apps.cli.streams import output_is_lost
from actions_core.apps.events.inputs import read_input
from actions_core.errors import ActionsError, EventError

if TYPE_CHECKING:
    from actions_core.apps.cli.events.reader import EventReader
    from actions_core.apps.cli.run.selection import Selection
    from actions_core.apps.events.inputs import InputEvent
    from actions_core.engine import Engine, SubscriptionExplanation
    from actions_core.http.requests import Request


class DryRun:
    """Prints requests to standard output, and failures to standard error."""

    def __init__(self, engine: Engine, selection: Selection, *, as_json: bool) -> None:
        self._engine = engine
        self._selection = selection
        self._as_json = as_json
        self._read = 0
        self._requests = 0
        self._failed = 0

    async def run(self, reader: EventReader) -> Exit:
        """Go through all events, or until nobody reads the output any more."""
        async with self._engine:
            async for line in reader.lines():
                if self._selection.is_rest(line):
                    continue
                given = self._selection.narrow(read_input(line), line)
                if given is None:
                    continue
                await self._explain(given)
                if self._read == self._selection.limit or output_is_lost():
                    break
        counts = (
            counted(self._read, "event"),
            counted(self._requests, "request"),
            counted(self._failed, "failure"),
        )
        stderr().print("{} read, {}, {}; nothing was sent".format(*counts), soft_wrap=True)
        return Exit.FAILURES if self._failed else Exit.OK

    async def _explain(self, given: InputEvent) -> None:
        self._read += 1
        try:
            if given.error is not None:
                raise given.error
            value = {**given.value, **given.made} if given.made else given.value
            explanation = await self._engine.explain(value)
        except ActionsError as error:
            if not isinstance(error, EventError):
                raise
            self._fail(given.place, "", str(error))
            return
        for delivery in explanation.deliveries:
            if not self._selection.wants((delivery.instance, delivery.subscription), given):
                continue
            if delivery.request is not None:
                self._requests += 1
                self._print_delivery(given, delivery, delivery.request)
            elif delivery.matched:
                self._fail(given.place, delivery.subscription, delivery.reason)

    def _fail(self, place: str, subscription: str, reason: str) -> None:
        self._failed += 1
        where = f"{place}: {subscription}: " if subscription else f"{place}: "
        line = Text(printable(where), style="bold").append(printable(reason), style="not bold")
        stderr().print(line, soft_wrap=True)

    def _print_delivery(self, given: InputEvent, delivery: SubscriptionExplanation, request: Request) -> None:
        from actions_core.http.curl import request_json

        if self._as_json:
            entry = {
                "line": given.number,
                **({"file": given.file} if given.file else {}),
                "instance": delivery.instance,
                "subscription": delivery.subscription,
                "action": delivery.action,
                "request": request_json(request),
            }
            sys.stdout.write(json.dumps(entry) + "\n")
            return
        console = stdout()
        head = f"# {given.place}: {delivery.instance}, {delivery.subscription} → {delivery.action}"
        console.print(Text(printable(head), style="dim"), soft_wrap=True)
        if delivery.note:
            console.print(Text(f"# {printable(delivery.note)}", style="yellow"), soft_wrap=True)
        print_request(request)
        console.print()
