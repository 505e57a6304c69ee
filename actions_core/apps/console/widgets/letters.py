"""Dead letters in groups and as a list, and what can be done about them.

Nothing is done by an address alone: a button asks first, says how many, and is noted in the log.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.hints import code_words, hint_on, mapping_address
from actions_core.apps.console.showing import ago, event_time, masked, moment, pretty
from actions_core.apps.console.widgets.confirming import Deed, ask
from actions_core.apps.console.widgets.rows import Summary, show_facts, show_row, show_text, tries_of
from actions_core.delivery.letters import LetterFilter
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import LetterFeed
    from actions_core.apps.console.why import Passing
    from actions_core.delivery.letters import DeadLetter, LetterGroup

#: How many letters of a group are tried on the workspace as it is now.
_TRIED: Final = 200
_MILLISECONDS: Final = 1000
_DISCARD: Final = "They are deleted with their events, for good."


@attrs.frozen
class Deeds:
    """What can be done to dead letters of a feed; `after` shows how it is then."""

    desk: Desk
    letters: LetterFeed
    after: Callable[[], Awaitable[None]]

    def buttons(self, which: LetterFilter, *, all_of: str, dense: bool = False) -> None:
        """Show the buttons for all letters that are meant; `all_of` says which those are, for the log."""
        self.replay_button(which, all_of=all_of, dense=dense)
        if self.letters.can_discard:
            ui.button("Discard", icon="delete", on_click=partial(self.discard, which, all_of)).props(
                "flat no-caps color=negative dense" if dense else "flat no-caps color=negative"
            )

    def replay_button(self, which: LetterFilter, *, all_of: str, dense: bool = False) -> None:
        """Show the button that has letters delivered again, where that is possible."""
        if self.letters.can_replay:
            ui.button("Replay", icon="replay", on_click=partial(self.replay, which, all_of)).props(
                "unelevated no-caps dense" if dense else "unelevated no-caps"
            )

    async def replay(self, which: LetterFilter, all_of: str) -> None:
        """Have letters delivered again, after a question."""
        await self._do("Replay", "replayed", await self.letters.about_replay(), which, all_of)

    async def discard(self, which: LetterFilter, all_of: str) -> None:
        """Delete letters, after a question."""
        await self._do("Discard", "discarded", _DISCARD, which, all_of)

    async def _do(self, verb: str, done: str, explanation: str, which: LetterFilter, all_of: str) -> None:
        # Those that there are now: what dies while the person thinks is not meant.
        now = int(time.time() * _MILLISECONDS) + 1
        meant = attrs.evolve(which, before=now if which.before is None else min(which.before, now))
        work = self.letters.replay if verb == "Replay" else self.letters.discard

        async def do() -> int:
            count = await work(meant)
            self.desk.log.info("%s dead letters %s by a person: %s", count, done, all_of)
            return count

        deed = Deed(verb, done, explanation, partial(self.letters.count, meant), do, danger=verb == "Discard")
        if await ask(deed):
            await self.after()


def show_group(
    desk: Desk, letters: LetterFeed, deeds: Deeds, group: LetterGroup, which: LetterFilter
) -> Callable[[], Awaitable[None]] | None:
    """Show letters that were given up for the same reason; `which` bounds what is meant further.

    Returns what says how many would pass now, where the mapping is the reason.
    """
    meant = attrs.evolve(
        which,
        instance=group.instance,
        subscription=group.subscription,
        code=group.code,
        reason=group.reason,
    )
    hint = hint_on(group.code, "failed")
    mapping = mapping_address(desk, group.instance, group.subscription, letter=group.sample)
    with ui.element("section").classes("console-panel feed-group"):
        with ui.element("div").classes("feed-group-head"):
            with ui.element("div").classes("feed-group-what"):
                with ui.element("h3").classes("console-h3"):
                    ui.label(code_words(group.code))
                place = " · ".join(part for part in (group.instance, group.subscription) if part)
                ui.label(place or "not an event").classes("console-muted console-small")
            with ui.element("div").classes("feed-when"):
                ui.label(f"{group.count:,}").classes("feed-group-count")
                when = ui.label(f"the last one {ago(group.last, time.time())}")
                when.classes("console-muted console-small").props["title"] = moment(group.last)
        ui.label(group.reason).classes("feed-reasons")
        if hint.sentence:
            ui.label(hint.sentence).classes("console-muted console-small")
        passing = ui.label().classes("console-small").props("aria-live=polite")
        passing.set_visibility(False)
        try_them = partial(_show_passing, desk, letters, meant, passing)
        with ui.element("div").classes("console-row"):
            if mapping is not None:
                with ui.link(target=mapping).classes("feed-button-link"):
                    ui.label("Mend the mapping" if hint.kind == "mapping" else "Open the mapping")
            if hint.kind == "settings":
                ui.link("Check the settings", addresses.settings(group.instance))
            if hint.kind != "mapping":
                ui.button("How many would pass now?", on_click=try_them).props("flat no-caps dense")
            ui.link("Show them", addresses.letters(**_state_of(meant)))
            ui.space()
            deeds.buttons(meant, all_of=f"{place}: {group.code}", dense=True)
    return try_them if hint.kind == "mapping" else None


def _state_of(which: LetterFilter) -> dict[str, str | int | None]:
    named = {key: getattr(which, key) for key in ("instance", "subscription", "code", "reason")}
    times = {"since": which.since, "before": which.before}
    return {**named, **{key: None if time is None else event_time(time) for key, time in times.items()}}


async def _show_passing(desk: Desk, letters: LetterFeed, which: LetterFilter, shown: ui.label) -> None:
    shown.set_visibility(True)
    if desk.saved is None:
        return
    shown.set_text("Trying them on the workspace as it is now …")
    found = await letters.list(which, 0, _TRIED)
    try:
        passing = await desk.explainer.passing(desk.saved, found)
    except ActionsError as error:
        shown.set_text(str(error))
        return
    count = await letters.count(which)
    shown.set_text(passing_words(passing, count, "would be sent now"))


def passing_words(passing: Passing, count: int, would: str) -> str:
    """Return how many of `count` dead letters would pass in words; of many, only the first are looked at."""
    of = f"{passing.looked_at:,}" if passing.looked_at == count else f"the first {passing.looked_at:,}"
    words = f"{passing.passing:,} of {of} {would}"
    if passing.reason:
        return f"{words}. One would not: {passing.reason}"
    return f"{words}, if the destination accepts them."


def show_letters(
    desk: Desk,
    deeds: Deeds,
    rows: Sequence[DeadLetter],
    which: LetterFilter,
    *,
    count: int,
    opened: str,
    on_open: Callable[[int | None], None],
) -> None:
    """Show letters as rows that can be picked and opened; `count` is the number of all that are meant."""
    picked: set[int] = set()
    with ui.element("div").classes("feed-bar"):
        everything = ui.checkbox("All of this page").props("dense")
        chosen = ui.label().classes("console-muted console-small").props("aria-live=polite")
        ui.space()
        bar = ui.element("div").classes("console-row")
    boxes: dict[int, ui.checkbox] = {}

    def note(number: int, *, on: bool) -> None:
        (picked.add if on else picked.discard)(number)
        chosen.set_text(f"{len(picked):,} picked" if picked else f"none picked: all {count:,} are meant")
        bar.clear()
        with bar:
            meant = LetterFilter(ids=tuple(sorted(picked))) if picked else which
            deeds.buttons(meant, all_of=f"{len(picked)} picked" if picked else "all that fit", dense=True)

    with ui.element("div").classes("feed-rows"):
        for letter in rows:
            boxes[letter.id] = _row(
                desk, deeds, letter, is_open=opened == str(letter.id), note=note, on_open=on_open
            )

    def pick_all(*, on: bool) -> None:
        for box in boxes.values():
            box.set_value(on)

    everything.on_value_change(lambda event: pick_all(on=bool(event.value)))
    note(0, on=False)


def _row(
    desk: Desk,
    deeds: Deeds,
    letter: DeadLetter,
    *,
    is_open: bool,
    note: Callable[..., None],
    on_open: Callable[[int | None], None],
) -> ui.checkbox:
    summary = Summary(
        (code_words(letter.code), "bad"),
        Summary.title_of(letter.body, letter.message, "not an event"),
        f"{letter.instance} · {letter.subscription}" if letter.instance else "",
        letter.reason,
        letter.last,
        tries_of(letter.tries),
    )
    with ui.element("div").classes("feed-pick-row"):
        box = ui.checkbox(on_change=lambda change: note(letter.id, on=bool(change.value))).props("dense")
        box.props["aria-label"] = f"Pick dead letter {letter.id}"
        show_row(
            summary,
            partial(_details, desk, deeds, letter),
            is_open=is_open,
            on_open=lambda now_open: on_open(letter.id if now_open else None),
        )
    return box


def _details(desk: Desk, deeds: Deeds, letter: DeadLetter) -> None:
    hint = hint_on(letter.code, "failed")
    with ui.element("div").classes("console-note bad"):
        ui.label(code_words(letter.code)).classes("console-h3")
        ui.label(letter.reason)
    if hint.sentence:
        ui.label(hint.sentence).classes("console-muted")
    mapping = mapping_address(desk, letter.instance, letter.subscription, letter=letter.id)
    with ui.element("div").classes("console-row"):
        if mapping is not None:
            ui.link("Mend the mapping" if hint.kind == "mapping" else "Open the mapping", mapping)
        if letter.message:
            ui.link("Why here, and why not elsewhere", addresses.event(letter.message))
        deeds.buttons(LetterFilter(ids=(letter.id,)), all_of=f"number {letter.id}", dense=True)
    show_facts(
        {
            "Number": str(letter.id),
            "Event": letter.message,
            "Given up": moment(letter.last),
            "First try": "" if letter.first is None else moment(letter.first),
            "Tries": str(letter.tries) if letter.tries else "",
            "Status": "" if letter.status is None else str(letter.status),
        }
    )
    show_text(
        "Response", pretty(masked(desk, letter.instance, letter.answer)), "There is no text of a response."
    )
    show_text("Event", pretty(masked(desk, letter.instance, letter.body)), "The event is not kept here.")
