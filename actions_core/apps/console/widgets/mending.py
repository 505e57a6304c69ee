"""Mend and replay: how many dead letters of one reason an edited mapping would send, and their replay.

The letters are tried as the mapping is edited; a replay goes by what is saved, so it waits for that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.preview import explain, subscription_of
from actions_core.apps.console.why import count_passing
from actions_core.apps.console.widgets.letters import Deeds, passing_words
from actions_core.delivery.letters import LetterFilter
from actions_core.values.events import check_event

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import LetterFeed
    from actions_core.apps.console.preview import Workbench
    from actions_core.delivery.letters import DeadLetter
    from actions_core.engine import SubscriptionExplanation
    from actions_core.values.types import JsonObject

#: Letters that are tried after each edit.
_TRIED: Final = 100
_MILLISECONDS: Final = 1000


class Mending:
    """The dead letters that were given up for the reason of one of them, and what an edit does to them."""

    def __init__(self, desk: Desk, feed: LetterFeed, letter: DeadLetter, bench: Workbench) -> None:
        self._feed = feed
        self._bench = bench
        self._which = LetterFilter(
            letter.instance,
            letter.subscription,
            letter.code,
            before=int(time.time() * _MILLISECONDS) + 1,
            reason=letter.reason,
        )
        place = f"{letter.instance} · {letter.subscription}: {letter.code}"
        with ui.element("div").classes("console-note info mapping-letter").props("data-name=mending"):
            ui.label("The sample is a dead letter. It was given up because of this:").classes("console-small")
            ui.label(letter.reason).classes("feed-reasons")
            self._told = ui.label("…").props("role=status data-name=passing")
            with ui.element("div").classes("console-row"):
                self._replay = ui.element("div").classes("console-row")
                with self._replay:
                    Deeds(desk, feed, self._after).replay_button(self._which, all_of=place, dense=True)
                self._wait = ui.label("Save first: a replay goes by what is saved.")
                self._wait.classes("console-muted console-small")
                ui.link("All of this mapping", addresses.letters(**_place_of(letter)))
        self._raw: JsonObject = {}

    @classmethod
    async def of(cls, desk: Desk, number: str, bench: Workbench) -> Mending | None:
        """Show the letters of a letter's reason; None where there is no such letter."""
        feed = (await desk.feed.main()).letters
        if feed is None or not (number.isascii() and number.isdigit()):
            return None
        letter = await feed.letter(int(number))
        return None if letter is None else cls(desk, feed, letter, bench)

    async def show(self, raw: JsonObject, *, is_saved: bool) -> None:
        """Show how many would be sent by a subscription as it is edited."""
        self._raw = raw
        self._replay.set_visibility(is_saved)
        self._wait.set_visibility(not is_saved)
        instance, problems = self._bench.compile(subscription_of(raw))
        if instance is None:
            fault = next((problem for problem in problems if problem.is_error), "")
            self._told.set_text(f"None would be sent: the mapping has errors. {fault}".rstrip())
            return

        async def explain_letter(letter: DeadLetter) -> SubscriptionExplanation:
            return await explain(instance, check_event(letter.event))

        found = await self._feed.list(self._which, 0, _TRIED)
        count = await self._feed.count(self._which)
        if not count:
            self._told.set_text("There is no dead letter with this reason any more.")
            self._replay.set_visibility(False)
            return
        passing = await count_passing(found, explain_letter)
        would = "would be sent now" if is_saved else "would be sent with this edit"
        self._told.set_text(passing_words(passing, count, would))

    async def _after(self) -> None:
        await self.show(self._raw, is_saved=True)


def _place_of(letter: DeadLetter) -> dict[str, str | int | None]:
    return {"instance": letter.instance, "subscription": letter.subscription}
