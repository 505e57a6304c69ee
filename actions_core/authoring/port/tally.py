"""What the trials of an action showed, counted: how many were equal, what differs, what was never reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.comparison import (
    Run,
    compare_runs,
    general_message,
    given_text,
    reached,
)
from actions_core.authoring.port.differences import Where
from actions_core.destination.specs import BATCH_FIELDS
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.authoring.port.differences import PortFile
    from actions_core.authoring.port.leaves import Difference
    from actions_core.authoring.port.trials import Trial
    from actions_core.destination.specs import ActionSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: Where fewer than one event in so many reaches a request, they are not taken as they are.
_SHALLOW: Final = 5
_EQUAL: Final = ("requests", "refused", "nothing")


@attrs.define
class Leaf:
    """A leaf that differs: in how many trials, the first of them, and the reason where one is written."""

    leaf: str
    example: Difference
    trial: Trial
    count: int = 0
    reason: str | None = None

    def to_dict(self) -> JsonObject:
        """Return the leaf as JSON."""
        values = {"published": self.example.published, "ours": self.example.ours}
        return {
            "leaf": self.leaf,
            "count": self.count,
            **({} if self.reason is None else {"reason": self.reason}),
            **({} if self.example.item is None else {"item": self.example.item}),
            **{side: value for side, value in values.items() if value is not MISSING},
            "events": list(self.trial.events[:1]),
            "settings": self.trial.settings,
        }


@attrs.define
class Tally:
    """The count of one action's trials, single or in batches."""

    action: str
    spec: ActionSpec
    port: PortFile
    #: equal trials by what they came to: requests, a refusal by both, nothing sent by both
    equal: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(_EQUAL, 0))
    explained: int = 0
    different: int = 0
    #: how many events there were, and how many of them reached a request on the published side
    events: int = 0
    reached: int = 0
    #: why the published side made no request: its message, and how often
    refusals: dict[str, int] = attrs.field(factory=dict)
    #: by leaf and reason: a reason may explain some of the differences in a leaf, and leave others
    leaves: dict[tuple[str, str | None], Leaf] = attrs.field(factory=dict)
    used: set[str] = attrs.field(factory=set)
    notes: dict[str, int] = attrs.field(factory=dict)
    _given: set[str] = attrs.field(factory=set)
    _choices: dict[str, set[str]] = attrs.field(factory=dict)

    @property
    def total(self) -> int:
        """How many trials were compared."""
        return sum(self.equal.values()) + self.explained + self.different

    @property
    def is_shallow(self) -> bool:
        """Whether so few events reached a request that the trials say little of it."""
        return _SHALLOW * self.reached < self.events

    def add(self, trial: Trial, published: Run, ours: Run) -> list[Difference]:
        """Compare the two runs of a trial, and return what differs without a reason."""
        self._note_given(trial)
        if published.note or ours.note:
            note = published.note or ours.note
            self.notes[note] = self.notes.get(note, 0) + 1
            return []
        self._note_reached(published)
        given = given_text(trial.events, trial.settings)
        found = compare_runs(published, ours, given)
        if not found:
            self.equal[_kind(published)] += 1
            return []
        failures = (ours.failure, *(ours.failures or ()))
        refusals = dict.fromkeys(failure.message for failure in failures if failure is not None)
        requested = dict.fromkeys(request.url for request in published.requests)
        where = Where(trial.is_batch, trial.sync_mode, tuple(refusals), tuple(requested), given)
        unexplained = [one for one in found if not self._explain(one, trial, where)]
        if unexplained:
            self.different += 1
        else:
            self.explained += 1
        return unexplained

    def _note_reached(self, published: Run) -> None:
        arrived = reached(published)
        self.events += len(arrived)
        self.reached += sum(arrived)
        failures = (published.failure,) if published.failures is None else published.failures
        for failure, has_reached in zip(failures, arrived, strict=True):
            if failure is not None and not has_reached:
                message = general_message(failure.message)
                self.refusals[message] = self.refusals.get(message, 0) + 1

    def _explain(self, difference: Difference, trial: Trial, where: Where) -> bool:
        known = self.port.reason(self.action, difference, where)
        reason = None if known is None else known[1]
        leaf = self.leaves.get((difference.leaf, reason))
        if leaf is None:
            leaf = Leaf(difference.leaf, difference, trial, reason=reason)
            self.leaves[difference.leaf, reason] = leaf
        leaf.count += 1
        if known is not None:
            self.used.add(known[0])
        return known is not None

    # -- what was never reached ------------------------------------------------------------------

    def _note_given(self, trial: Trial) -> None:
        if trial.mapping is None:
            return
        for event in trial.events:
            for path, field, value in _given_fields(self.spec.fields, event.get("payload", {}), ""):
                self._given.add(path)
                if field.values and isinstance(value, str | int | float | bool):
                    self._choices.setdefault(path, set()).add(repr(value))

    def never_given(self) -> list[str]:
        """Return the fields that no trial had a value for, and the choices that none chose."""
        found = []
        for path, field in _all_fields(self.spec.fields, ""):
            if path not in self._given:
                found.append(path)
            elif field.values:
                chosen = self._choices.get(path, set())
                found += [f"{path} = {value!r}" for value in field.values if repr(value) not in chosen]
        return found

    def to_dict(self) -> JsonObject:
        """Return the count as JSON."""
        return {
            "action": self.action,
            "trials": self.total,
            "equal": dict(self.equal),
            "explained": self.explained,
            "different": self.different,
            "events": self.events,
            "reached": self.reached,
            "refusals": dict(sorted_refusals(self)),
            "notCompared": dict(self.notes),
            "leaves": [leaf.to_dict() for leaf in sorted_leaves(self)],
            "neverGiven": self.never_given(),
        }


def _order(leaf: Leaf) -> tuple[bool, int]:
    return (leaf.reason is not None, -leaf.count)


def sorted_leaves(tally: Tally) -> list[Leaf]:
    """Return the leaves, the unexplained and most frequent ones first."""
    return sorted(tally.leaves.values(), key=_order)


def sorted_refusals(tally: Tally) -> list[tuple[str, int]]:
    """Return why events reached no request, the most frequent message first."""
    return sorted(tally.refusals.items(), key=lambda one: -one[1])


def _kind(run: Run) -> str:
    if run.failure is not None:
        return "refused"
    return "requests" if run.requests else "refused" if run.failures and any(run.failures) else "nothing"


def _all_fields(fields: Mapping[str, FieldSpec], prefix: str) -> Iterator[tuple[str, FieldSpec]]:
    for key, field in fields.items():
        if not prefix and key in BATCH_FIELDS:
            continue
        yield prefix + key, field
        yield from _all_fields(field.properties or {}, f"{prefix}{key}.")


def _given_fields(
    fields: Mapping[str, FieldSpec], payload: Json, prefix: str
) -> Iterator[tuple[str, FieldSpec, Json]]:
    items: Sequence[Json] = payload if isinstance(payload, list) else [payload]
    for item in items:
        if not isinstance(item, dict):
            continue
        for key, field in fields.items():
            value = item.get(key)
            if value is None:
                continue
            for one in value if isinstance(value, list) else [value]:
                yield prefix + key, field, one
            yield from _given_fields(field.properties or {}, value, f"{prefix}{key}.")
