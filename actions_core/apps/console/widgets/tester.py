"""The tester beside a mapping: a sample event, and what the edited subscription would do with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console.conditions import trace_lines, why_not
from actions_core.apps.console.mapping_forms import json_text
from actions_core.apps.console.seen import label_of
from actions_core.errors import DefinitionError
from actions_core.http.curl import request_json
from actions_core.values.json_files import parse_json
from actions_core.values.wording import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions_core.apps.console.preview import Preview
    from actions_core.apps.console.samples import SampleEvent
    from actions_core.engine.explain import SubscriptionExplanation
    from actions_core.engine.results import Result
    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

_TITLES: Final = {
    "sent": ("good", "Would be sent"),
    "skipped": ("warn", "Would not be sent"),
    "refused": ("bad", "Would be refused"),
    "faulty": ("bad", "The mapping has errors"),
    "no event": ("warn", "This is not an event"),
}
_LONGEST_RESPONSE: Final = 2000


class Tester:
    """Shows a sample event and the preview of it.

    `on_event` is called with each event that was chosen or typed, None while the text is not JSON.
    """

    def __init__(self, samples: Sequence[SampleEvent], chosen: int, on_event: Callable[[Json], None]) -> None:
        self._samples = samples
        self._on_event = on_event
        self.event: Json = samples[chosen].event
        #: What the handler would get, None where there is no payload.
        self.payload: JsonObject | None = None
        with ui.element("div").classes("console-stack"):
            self._choice = (
                ui.select(
                    {number: label_of(sample) for number, sample in enumerate(samples)},
                    value=chosen,
                    label="Sample event",
                    on_change=lambda event: self._choose(event.value),
                )
                .props("outlined dense options-dense data-name=sample")
                .classes("tester-choice")
            )
            with ui.expansion("The event", icon="data_object", value=False).props("dense data-name=event"):
                self._text = (
                    ui.textarea(value=json_text(self.event), on_change=lambda event: self._type(event.value))
                    .props('outlined dense autogrow spellcheck=false aria-label="Sample event as JSON"')
                    .classes("mapping-mono tester-event")
                )
            self._fault = ui.label().classes("console-fault").props("aria-live=polite")
            with (
                ui.element("div").classes("console-note tester-verdict").props("role=status") as self._banner
            ):
                self._title = ui.label("…").classes("tester-title").props("data-name=verdict")
                self._reason = ui.label().classes("tester-reason")
            self._show_tabs()

    def _show_tabs(self) -> None:
        with ui.tabs().props("dense no-caps align=left inline-label").classes("tester-tabs") as tabs:
            for name in ("Why", "Payload", "Request", "curl"):
                ui.tab(name)
        with ui.tab_panels(tabs, value="Why", animated=False).classes("tester-panels"):
            with ui.tab_panel("Why"):
                self._why = ui.element("div").classes("tester-trace")
            with ui.tab_panel("Payload"):
                self._payload = _code("Payload", "payload")
            with ui.tab_panel("Request"):
                self._request = _code("Request", "request")
            with ui.tab_panel("curl"):
                self._curl = _code("The same as a curl command", "curl")

    def reveal(self) -> None:
        """Bring the verdict into view, where the tester stands below the editor."""
        self._banner.run_method("scrollIntoView", {"block": "nearest"})

    # -- the sample ----------------------------------------------------------------------------------

    def _choose(self, number: int) -> None:
        self.event = self._samples[number].event
        self._text.set_value(json_text(self.event))

    def _type(self, text: str | None) -> None:
        try:
            self.event = parse_json(text or "", "JSON")
        except DefinitionError as error:
            self._fault.set_text(str(error))
            self._on_event(None)
            return
        self._fault.set_text("")
        self._on_event(self.event)

    # -- the preview ---------------------------------------------------------------------------------

    def show(self, preview: Preview) -> None:
        """Show what would become of the event."""
        look, title = _TITLES[preview.verdict]
        self._banner.classes(replace=f"console-note tester-verdict {look}")
        self._title.set_text(title)
        self._reason.set_text(_reason_of(preview))
        explanation = preview.explanation
        self._show_why(explanation)
        payload = self.payload = None if explanation is None else explanation.payload
        self._payload.set_text("There is no payload." if payload is None else json_text(payload))
        request = None if explanation is None else explanation.request
        self._request.set_text("There is no request." if request is None else request_text(request))
        self._curl.set_text(
            "There is no request." if explanation is None or request is None else explanation.curl
        )

    def _show_why(self, explanation: SubscriptionExplanation | None) -> None:
        self._why.clear()
        with self._why:
            if explanation is None:
                ui.label("Nothing can be said until the errors are mended.").classes("console-muted")
                return
            for found in explanation.filters:
                _line(0, matched=not found.dropped, words=f"Filter {found.name}: {found.outcome}", found="")
            if explanation.trace is None:
                ui.label(explanation.reason or "It has no condition.").classes("console-muted")
                return
            for line in trace_lines(explanation.trace):
                value = brief(line.found) if line.is_leaf else ""
                _line(line.depth, matched=line.matched, words=line.words, found=value)
            missed = [path for field in explanation.fields for path in field.missed]
            if missed:
                listed = ", ".join(dict.fromkeys(missed))
                ui.label(f"The event has nothing at: {listed}").classes("console-muted console-small")


def _reason_of(preview: Preview) -> str:
    if preview.verdict == "faulty":
        return " ".join(problem.message for problem in preview.problems if problem.is_error)
    if preview.explanation is None:
        return preview.error
    if preview.verdict == "sent":
        request = preview.explanation.request
        note = preview.explanation.note
        shown = "" if request is None else f"{request.method} {request.url}"
        return " · ".join(part for part in (shown, note) if part)
    trace = preview.explanation.trace
    reasons = [] if trace is None else why_not(trace)
    return "; ".join(reasons) or preview.explanation.reason


def _line(depth: int, *, matched: bool, words: str, found: str) -> None:
    with ui.element("div").classes("tester-line") as line:
        line.props["data-depth"] = str(min(depth, 6))
        icon = ui.icon("check" if matched else "close").classes("tester-good" if matched else "tester-bad")
        icon.props["aria-label"] = "holds" if matched else "does not hold"
        icon.props["role"] = "img"
        with ui.element("div").classes("tester-words"):
            ui.label(words)
            if found:
                ui.label(f"found {found}").classes("console-muted console-small")


def _code(label: str, name: str) -> ui.label:
    shown = ui.label().classes("console-code console-mono tester-code").props("tabindex=0 role=region")
    shown.props["aria-label"] = label
    shown.props["data-name"] = name
    return shown


def request_text(request: Request) -> str:
    """Return a request as people read it: a line, its headers, and its body."""
    made: dict[str, Any] = request_json(request)
    lines = [f"{made['method']} {made['url']}"]
    lines += [f"{name}: {value}" for name, value in made.get("headers", {}).items()]
    for key in ("json", "form"):
        if key in made:
            lines += ["", json.dumps(made[key], indent=2, ensure_ascii=False)]
    for key in ("body", "bodyBase64"):
        if key in made:
            lines += ["", str(made[key])]
    return "\n".join(lines)


def show_result(result: Result) -> None:
    """Show what became of an event that was sent."""
    response = result.response
    looks = {"sent": ("good", "Sent"), "skipped": ("warn", "Not sent"), "failed": ("bad", "Failed")}
    look, title = looks.get(str(result.status), ("bad", "Not tried"))
    with ui.element("div").classes(f"console-note {look}").props("role=status data-name=result"):
        status = "" if response is None else f" · HTTP {response.status}"
        took = f" · {result.duration * 1000:,.0f} ms" if result.tries else ""
        ui.label(f"{title}{status}{took}").classes("tester-title")
        if result.reason:
            ui.label(result.reason)
        for warning in result.warnings:
            ui.label(str(warning)).classes("console-small")
        text = "" if response is None else response.text
        if text:
            shown = text if len(text) <= _LONGEST_RESPONSE else text[:_LONGEST_RESPONSE] + "…"
            _code("Response", "response").set_text(shown)
