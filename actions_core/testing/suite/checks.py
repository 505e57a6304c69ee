"""The checks of the conformance suite, each with its name and its rule."""

from __future__ import annotations

import asyncio
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination.loading import unreadable_conditions
from actions_core.engine.results import Status
from actions_core.errors import ActionsError, MappingError, Problem, child_path
from actions_core.mapping import compile_mapping
from actions_core.testing.cases import check_case, load_cases
from actions_core.testing.suite.purity import find_side_effects
from actions_core.testing.suite.samples import action_samples, preset_samples
from actions_core.testing.suite.secrecy import captured_logs, find_leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from actions_core.destination import Destination
    from actions_core.destination.specs import PresetSpec
    from actions_core.engine.results import Result
    from actions_core.testing.cases import Case
    from actions_core.testing.suite.samples import Sample

_SECRET_NAME: Final = re.compile(r"(^|[a-z_-])(key|token|secret|password)$", re.IGNORECASE)


@attrs.frozen(eq=False)
class Check:
    """A rule for destinations; `run` returns what is wrong."""

    name: str
    rule: str
    run: Callable[[], list[Problem]] = attrs.field(repr=False)


def checks_of(destination: Destination, cases: str | Path | None = None) -> list[Check]:
    """Return the checks of a destination, in the order in which it is best to fix what they find."""
    loaded: list[Case] = []
    problems: list[Problem] = []
    if cases is not None:
        try:
            found = load_cases(cases)
        except ActionsError as error:
            problems = [Problem("$", str(error))]
        else:
            loaded = [case for case in found if isinstance(case.data, dict)]
            odd = [case.name for case in found if not isinstance(case.data, dict)]
            problems = [Problem("$", f"{name}: a case is a JSON object") for name in odd]
    return list(_checks(destination, cases, loaded, problems))


def _checks(
    destination: Destination, folder: str | Path | None, cases: list[Case], problems: list[Problem]
) -> Iterator[Check]:
    spec = destination.spec
    rule = "Definition and functions fit each other, and secrets are marked as such."
    yield Check("definition", rule, partial(_definition, destination))
    for action in spec.actions:
        rule = "The defaults of an action's fields are a mapping that compiles."
        yield Check(f"mapping[{action}]", rule, partial(_mapping, destination, action))
    for index, preset in enumerate(spec.presets):
        rule = "A preset delivers an event that matches it, or says clearly what the event lacks."
        run = partial(_preset, destination, f"$.presets[{index}]", preset, cases)
        yield Check(f"preset[{preset.name}]", rule, run)
    if folder is not None:
        rule = "Every action has a case."
        yield Check("cases", rule, lambda: [*problems, *_without_case(destination, folder, cases)])
    for case in cases:
        rule = "An event gives the request, or the problems, that its case expects."
        yield Check(f"case[{case.name}]", rule, partial(_case, destination, case))
    for action in destination.handlers:
        yield from _function_checks(destination, action, cases, batch=False)
    for action in destination.batch_handlers:
        yield from _function_checks(destination, action, cases, batch=True)


def _function_checks(
    destination: Destination, action: str, cases: Sequence[Case], *, batch: bool
) -> Iterator[Check]:
    """Yield what is asked of an action's function, for single events or for batches."""

    @cache
    def samples() -> list[Sample]:  # made when they are needed: a collection of tests runs none of them
        return list(action_samples(destination, action, cases))

    handler = (destination.batch_handlers if batch else destination.handlers)[action]
    name = f"{action}, batch" if batch else action
    for kind, rule, find in (
        (
            "pure",
            "A handler turns the same payload into the same request, and does nothing else.",
            find_side_effects,
        ),
        ("secrets", "Secret settings show in no result, explanation, error or log.", find_leaks),
    ):
        run = partial(_samples, destination, action, handler.name, samples, partial(find, batch=batch))
        yield Check(f"{kind}[{name}]", rule, run)


def _definition(destination: Destination) -> list[Problem]:
    unreadable = unreadable_conditions(destination.spec)
    paths = {problem.path for problem in unreadable}
    problems = [*unreadable, *(problem for problem in destination.check() if problem.path not in paths)]
    cloud = [key for key, action in destination.spec.actions.items() if action.platform == "cloud"]
    handled = destination.handlers or destination.batch_handlers
    if cloud and not handled and not any(problem.is_error for problem in problems):
        problems.append(Problem("$.actions", "no action has a handler: there is only a definition"))
    for key, field in destination.spec.settings.items():
        if _SECRET_NAME.search(key) and field.type in ("string", "text"):
            path = child_path(child_path("$.authentication.fields", key), "type")
            message = f"{key} sounds like a secret: only a field of type password is masked"
            problems.append(Problem(path, message, "warning"))
    return problems


def _mapping(destination: Destination, action: str) -> list[Problem]:
    path = child_path("$.actions", action)
    try:
        found = compile_mapping(destination.spec.actions[action].default_mapping).warnings
    except MappingError as error:
        found = error.problems
    return [problem.below(f"{path}.fields") for problem in found]


def _preset(destination: Destination, path: str, preset: PresetSpec, cases: Sequence[Case]) -> list[Problem]:
    """Try a preset; warn when no event is known that it delivers, even if it says why."""
    reasons: dict[str, None] = {}
    samples = list(preset_samples(destination, preset, cases))
    if not samples:
        message = "no event was found that matches it; add a case with one"
        return [Problem(path, message, "warning")]
    for sample in samples:
        try:
            with captured_logs():  # what goes wrong here is reported as a problem
                result, sent = asyncio.run(_delivered(destination, sample))
        except ActionsError as error:
            return [Problem(path, f"{sample.name} cannot be tried: {error}")]
        if sent:
            return []
        if result.error is not None and result.error.code == "HANDLER_FAILED":
            return [Problem(path, f"{sample.name} makes the handler fail: {result.error}")]
        if result.status is Status.SENT:
            return [Problem(path, f"{sample.name} counts as sent, but no request was made")]
        reasons[f"{sample.name} gives no request: {result.reason}"] = None
    return [Problem(path, f"{text}; add a case that does", "warning") for text in list(reasons)[:1]]


async def _delivered(destination: Destination, sample: Sample) -> tuple[Result, bool]:
    engine, transport = sample.engine(destination)
    async with engine:
        report = await engine.send(sample.event)
    return report.results[0], bool(transport.requests)


def _without_case(destination: Destination, folder: str | Path, cases: Sequence[Case]) -> list[Problem]:
    covered = {case.data.get("action") for case in cases}
    handled = {*destination.handlers, *destination.batch_handlers}
    return [
        Problem(child_path("$.actions", key), f"no case in {folder} is for the action {key}")
        for key in destination.spec.actions
        if key in handled and key not in covered
    ]


def _case(destination: Destination, case: Case) -> list[Problem]:
    with (
        captured_logs()
    ):  # an asynchronous handler may fail after its first request, and only that one counts
        found = check_case(destination, case.data)
    return [Problem("$", f"{case.name}: {text}") for text in found]


def _samples(
    destination: Destination,
    action: str,
    subject: str,
    samples: Callable[[], Sequence[Sample]],
    find: Callable[[Destination, Sample], list[str]],
) -> list[Problem]:
    """Return what is found with any of the samples, each problem once."""
    found: dict[str, str] = {}
    for sample in samples():
        try:
            for text in find(destination, sample):
                found.setdefault(text, sample.name)
        except ActionsError as error:
            found.setdefault(f"cannot be tried: {error}", sample.name)
    path = child_path("$.actions", action)
    return [Problem(path, f"{subject}(): {text} ({name})") for text, name in found.items()]
