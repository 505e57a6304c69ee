"""The settings of an instance, and the form that adds an instance of a destination."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.authentication import account_rows, try_settings
from actions_core.apps.console.forms import SettingsForm
from actions_core.apps.console.pages.catalogue import find_destination, why_missing
from actions_core.apps.console.pages.not_found import show_missing
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.widgets.notes import show_problems
from actions_core.apps.console.widgets.setting_field import SettingRow
from actions_core.engine.workspace import InstanceSpec
from actions_core.errors import ActionsError, WorkspaceError

if TYPE_CHECKING:
    from actions_core.apps.console.authentication import Verdict
    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.draft import Draft
    from actions_core.apps.console.forms import Answer
    from actions_core.destination import Destination
    from actions_core.values.types import JsonObject


def register(desk: Desk) -> None:
    """Register the page of an instance's settings, and the one that adds an instance."""

    @page("/i/{instance}/settings")
    def show(instance: str) -> None:
        instance = addresses.text_of(instance)
        crumbs = ((instance, addresses.instance(instance)),)
        draft = desk.draft
        if draft is None:
            show_missing(
                desk, "This workspace is no file: its settings are made by the program that runs it."
            )
            return
        draft.reload()
        spec = draft.spec(instance)
        destination = None if spec is None else draft.destinations.get(spec.destination)
        if spec is None or destination is None:
            missing = "instance" if spec is None else "destination"
            show_missing(desk, f"There is no such {missing}.", title=f"Settings of {instance}")
            return
        command = desk.command("auth-test", "WORKSPACE", "--instance", instance)
        with frame(desk, title="Settings", command=command, crumbs=crumbs):
            ui.label(destination.spec.name).classes("console-lead")
            SettingsPage(desk, draft, destination, spec).lay_out()

    @page("/d/{slug}/new")
    def add(slug: str) -> None:
        destination = find_destination(desk, addresses.text_of(slug))
        draft = desk.draft
        if destination is None or draft is None:
            show_missing(desk, why_missing(desk, addresses.text_of(slug)))
            return
        draft.reload()
        name = destination.spec.name
        crumbs = ((name, addresses.destination(destination.slug)),)
        with frame(desk, title=f"Add {name}", crumbs=crumbs):
            ui.label("It sends nothing until it has mappings.").classes("console-lead")
            SettingsPage(desk, draft, destination, None).lay_out()


class SettingsPage:
    """The form of an instance, or of one to be added where `spec` is None."""

    def __init__(self, desk: Desk, draft: Draft, destination: Destination, spec: InstanceSpec | None) -> None:
        self._desk = desk
        self._draft = draft
        self._destination = destination
        self._spec = spec
        raw = None if spec is None else draft.instance(spec.id)
        settings = None if raw is None else raw.get("settings")
        #: What is edited, as the file had it.
        self._before = _edited_parts(raw)
        self._form = SettingsForm(destination, settings if isinstance(settings, dict) else {}, os.environ)
        self._answers: dict[str, Answer] = dict(self._form.answers)
        self._rows: dict[str, SettingRow] = {}
        self._id = ""
        self._enabled = True if spec is None else spec.enabled

    # -- layout --------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """Show the form."""
        with ui.element("form").classes("console-panel console-stack").props("autocomplete=off") as form:
            form.on("submit", lambda: None, js_handler="(event) => event.preventDefault()")
            if self._spec is None:
                self._show_id()
            for field in self._form.fields:
                self._show_field(field)
            if not self._form.fields:
                ui.label("This destination has no settings.").classes("console-muted")
            if self._spec is not None:
                self._show_switch()
            with ui.element("div").classes("console-row console-form-end"):
                save = ui.button("Save" if self._spec is not None else "Add", on_click=self._save)
                save.props("unelevated type=button data-shortcut=save")
                test = ui.button("Test authentication", on_click=self._test)
                test.props("outline type=button data-shortcut=test")
                self._test_button = test
        self._outcome = ui.element("div").classes("console-stack console-gap").props("aria-live=polite")
        self._check()

    def _show_id(self) -> None:
        taken = {spec.id for spec in self._draft.workspace().destinations}
        base = self._destination.spec.aliases[0] if self._destination.spec.aliases else self._destination.slug
        names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
        self._id = next(name for name in names if name not in taken)
        with ui.element("div").classes("console-field"):
            ui.label("Name").classes("console-h3")
            ui.label("How this workspace calls it: in lists, in logs, on the command line.").classes(
                "console-muted console-small"
            )
            made = ui.input(value=self._id).props("outlined dense aria-label=Name")
            made.on_value_change(lambda event: setattr(self, "_id", str(event.value or "").strip()))

    def _show_field(self, field: Any) -> None:
        def change(answer: Answer) -> None:
            self._answers[field.key] = answer
            self._check()

        self._rows[field.key] = SettingRow(field, self._answers[field.key], change)

    def _show_switch(self) -> None:
        with ui.element("div").classes("console-field"):
            made = ui.switch("Send events here", value=self._enabled)
            made.on_value_change(lambda event: setattr(self, "_enabled", bool(event.value)))

    # -- while a person types ------------------------------------------------------------------------

    @property
    def _shown_answers(self) -> dict[str, Answer]:
        """The answers of the fields that are shown."""
        return {
            key: answer for key, answer in self._answers.items() if self._form.is_shown(key, self._answers)
        }

    def _check(self, *, all_faults: bool = False) -> bool:
        """Show what is wrong at its field; return whether nothing is."""
        shown = self._shown_answers
        faults = self._form.faults(shown)
        for key, row in self._rows.items():
            row.root.set_visibility(key in shown)
            row.show(faults.errors.get(key), faults.warnings.get(key), all_faults=all_faults)
        return not faults.errors

    # -- saving and testing --------------------------------------------------------------------------

    async def _save(self) -> None:
        if not self._check(all_faults=True):
            self._say("bad", "Some fields need another look before this can be saved.")
            return
        try:
            problems = await self._draft.save(self._changed())
        except ActionsError as error:
            self._say("bad", error.message or "It cannot be saved so:", error.problems)
            return
        if self._spec is None:
            ui.navigate.to(addresses.instance(self._id))
            return
        if problems:
            self._say("warn", "It is saved, but not in use yet:", problems)
        else:
            self._say("good", "Saved, and in use from now on.")
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Take what was saved as what is there: a secret that was typed in is not shown any more."""
        assert self._spec is not None  # noqa: S101 - the caller has asked
        self._spec = self._draft.spec(self._spec.id) or self._spec
        raw = self._draft.instance(self._spec.id) or {}
        self._before = _edited_parts(raw)
        settings = raw.get("settings")
        self._form = SettingsForm(self._destination, settings if isinstance(settings, dict) else {})
        for field in self._form.fields:
            row, answer = self._rows[field.key], self._form.answers[field.key]
            if answer.source == "kept" and self._answers[field.key].source != "kept":
                row.begin_anew(field, answer)
            self._answers[field.key] = answer
        self._check()

    def _changed(self) -> JsonObject:
        """Return the whole workspace as it will be.

        Raises `WorkspaceError` where the settings are other ones by now than when their editing began.
        """
        settings = self._form.settings(self._shown_answers)
        if self._spec is None:
            return self._draft.with_instance(
                {"id": self._id, "destination": self._destination.slug, "settings": settings}
            )

        if _edited_parts(self._draft.instance(self._spec.id)) != self._before:
            raise WorkspaceError(
                f"the settings have changed in {self._draft.file.name} since this page was opened: "
                "reload the page, and make your change again"
            )

        def change(instance: JsonObject) -> None:
            if settings or "settings" in instance:
                instance["settings"] = settings
            if self._enabled != (instance.get("enabled") is not False):
                instance["enabled"] = self._enabled

        return self._draft.changed(self._spec.id, change)

    async def _test(self) -> None:
        if not self._check(all_faults=True):
            self._say("bad", "Some fields need another look before this can be tested.")
            return
        self._test_button.props("loading")
        try:
            spec = self._spec or InstanceSpec(self._id, self._destination.slug)
            settings = self._form.settings(self._shown_answers)
            verdict = await try_settings(spec, self._destination, settings, self._desk.engine)
        finally:
            self._test_button.props(remove="loading")
        self._show_verdict(verdict)

    def _show_verdict(self, verdict: Verdict) -> None:
        kind = {True: "good", False: "bad", None: "info"}[verdict.ok]
        self._say(kind, verdict.text)
        rows = account_rows(verdict.account)
        if rows:
            with self._outcome, ui.element("dl").classes("console-panel console-facts"):
                for name, text in rows:
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        ui.label(text)

    def _say(self, kind: str, text: str, problems: Any = ()) -> None:
        self._outcome.clear()
        with self._outcome, ui.element("div").classes("console-note").classes(kind):
            ui.label(text)
            if problems:
                show_problems(problems)


def _edited_parts(instance: JsonObject | None) -> tuple[object, ...]:
    """Return what of an instance this page changes; of one that is gone, nothing."""
    return (
        () if instance is None else tuple(instance.get(key) for key in ("destination", "settings", "enabled"))
    )
