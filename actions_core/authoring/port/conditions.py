"""The conditions of a request, inferred from the calls that were refused or sent nothing.

What is refused with one message is refused by one rule, or by a few. A rule is looked for that holds for as
many of these calls as can be, and for none that was taken: a statement about a value, or two at once.
"""

from __future__ import annotations

import re
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.authoring.port.columns import bits
from actions_core.authoring.port.comparison import general_message
from actions_core.authoring.port.objects import kind_of
from actions_core.authoring.port.samples import is_free, is_made_up
from actions_core.subscriptions.globs import compile_glob
from actions_core.values.javascript import truthy
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from actions_core.authoring.port.samples import Sample
    from actions_core.values.types import Json, JsonObject

_MOST_VALUES: Final = 8
#: How many of the rules that are tried may be expected to fit by accident.
_LIKELY: Final = 0.05
_MOST_STATEMENTS: Final = 400
_MOST_RULES: Final = 4
#: How many refused calls show which fields are always missing in them.
_MANY: Final = 6
_SHORTEST_START: Final = 4
_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_KINDS: Final = (("object", "array"), ("object",), ("array",))
_FIELD: Final = re.compile(r"\$\.payload\.[A-Za-z_]\w*")
_ORIGIN: Final = re.compile(r"[a-z]+://[^/]+/")
_REFUSED: Final = "The destination does not take this."


def conditions(samples: Sequence[Sample], opened: Mapping[str, frozenset[str]] | None = None) -> JsonObject:
    """Return what a request says of when it is sent: `require` and `when`, as far as rules were found.

    What `when` does not send is not asked for what `require` says. `opened` has the paths of objects that
    may have any keys, each with those that are declared: of the others no rule speaks.
    """
    if opened:
        samples = [
            attrs.evolve(
                sample, values={path: one for path, one in sample.values.items() if not is_free(path, opened)}
            )
            for sample in samples
        ]
    found: JsonObject = {}
    sent = [sample for sample in samples if sample.label == "sent"]
    nothing = [sample for sample in samples if sample.label == "nothing"]
    refused = [sample for sample in samples if sample.label == "refused"]
    if nothing and sent:
        rules = _not_met(nothing, [*sent, *refused])
        texts = [rule for rule in rules if isinstance(rule, str)]
        if rules:
            one = " and ".join(_in_brackets(rule, len(rules)) for rule in texts)
            found["when"] = {"if": one or rules[0]}
    taken = sent if "when" in found else [*sent, *nothing]
    groups: dict[str, list[Sample]] = {}
    for sample in refused:
        groups.setdefault(_general(sample), []).append(sample)
    required: list[JsonObject] = []
    for group in groups.values():
        required += [one for one in _required(group, taken) if one not in required]
    if required:
        found["require"] = required
    return found


def _general(sample: Sample) -> str:
    """Return why a call was refused, without the values and keys of its own that the message names."""
    message = sample.message
    texts = {value for value in sample.values.values() if isinstance(value, str)}
    keys = {key for value in sample.values.values() if isinstance(value, dict) for key in value}
    for text in sorted({*texts, *keys}, key=len, reverse=True):
        if len(text) > 1:
            message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "…", message)
    return general_message(message)


def _required(refused: Sequence[Sample], taken: Sequence[Sample]) -> list[JsonObject]:
    """Return what is required of calls so that none is refused with one message."""
    some = _one_of_several(refused, taken, _counts)
    if some:
        return [{"anyOf": [path.removeprefix("$.payload.") for path in some]}]
    return [{"if": rule, "message": _REFUSED} for rule in _not_met(refused, taken)]


def _not_met(bad: Sequence[Sample], good: Sequence[Sample]) -> list[Json]:
    """Return conditions that the good calls meet, and of which the bad ones do not meet one or another."""
    some = _one_of_several(bad, good, _is_given)
    if some:
        return [" or ".join(f"{path.removeprefix('$.')} != null" for path in some)]
    return _rules(bad, good) if good else []


def _one_of_several(
    bad: Sequence[Sample], good: Sequence[Sample], is_there: Callable[[Json], bool]
) -> list[str]:
    """Return the fields of which every good call has one, and no bad one.

    Few bad calls lack fields by accident too: then the smallest number of fields is taken.
    """
    keys = {path for sample in good for path in sample.values if _FIELD.fullmatch(path)}
    missing = {path for path in keys if not any(is_there(sample.values.get(path)) for sample in bad)}

    def has_one(sample: Sample, paths: Iterable[str]) -> bool:
        return any(is_there(sample.values.get(path)) for path in paths)

    if not missing or not all(has_one(sample, missing) for sample in good):
        return []
    if len(bad) < _MANY or len(missing) > _MOST_VALUES:
        for path in sorted(missing):
            smaller = missing - {path}
            if smaller and all(has_one(sample, smaller) for sample in good):
                missing = smaller
    is_rule = _by_accident(len(bad), len(bad), len(good), comb(len(keys), len(missing))) < _LIKELY
    return sorted(missing) if is_rule else []


def _is_given(value: Json) -> bool:
    return value is not None


def _counts(value: Json) -> bool:
    """Return whether a value counts for `anyOf`: it is neither null, false nor empty."""
    return truthy(value) and value not in ([], {})


def _by_accident(calls: int, bad: int, good: int, tried: int) -> float:
    """Return how many of the rules that are tried hold by accident for so many bad calls and no good one."""
    return tried * comb(bad, calls) / comb(bad + good, calls)


def _in_brackets(rule: str, rules: int) -> str:
    return f"({rule})" if rules > 1 and " or " in rule else rule


# -- rules --------------------------------------------------------------------------------------


@attrs.frozen
class _Statement:
    """Something that holds of some calls, with the opposite as it is written: the calls are bits."""

    opposite: Json
    holds: int


def _rules(bad: Sequence[Sample], good: Sequence[Sample]) -> list[Json]:
    """Return conditions that all good calls meet, and that together as many bad ones as can be do not."""
    everything = [*good, *bad]
    goods = (1 << len(good)) - 1
    statements = [
        one for one in _statements(everything, len(good)) if one.holds & ~goods and ~one.holds & goods
    ][:_MOST_STATEMENTS]
    left = ((1 << len(everything)) - 1) ^ goods
    found: list[Json] = []
    while left and len(found) < _MOST_RULES:
        rule, holds = _best(statements, goods, left)
        if not rule:
            break
        found.append(rule)
        left &= ~holds
    return found


def _best(statements: Sequence[_Statement], goods: int, left: int) -> tuple[Json, int]:
    """Return the opposite of a rule that holds for the most bad calls and for no good one."""
    best: tuple[Json, int] = ("", 0)
    most = 0
    good, bad = goods.bit_count(), left.bit_count()
    for one in statements:
        number = (one.holds & left).bit_count()
        if not one.holds & goods and number > most:
            best, most = (one.opposite, one.holds), number
    if most and _by_accident(most, bad, good, len(statements)) < _LIKELY:
        return best
    best, most = ("", 0), 0
    tried = comb(len(statements), 2)
    useful = [
        one
        for one in statements
        if isinstance(one.opposite, str)
        and not one.opposite.startswith("event.")
        and _by_accident((one.holds & left).bit_count(), bad, good, tried) < _LIKELY
    ]
    for one, other in combinations(useful, 2):
        holds = one.holds & other.holds
        number = (holds & left).bit_count()
        if not holds & goods and number > most:
            best, most = (f"{one.opposite} or {other.opposite}", holds), number
    return best if most and _by_accident(most, bad, good, tried) < _LIKELY else ("", 0)


def _statements(samples: Sequence[Sample], good: int) -> Iterator[_Statement]:
    """Yield what may be said of calls, each with its opposite; the first `good` ones were taken."""
    everything = (1 << len(samples)) - 1
    paths = dict.fromkeys(path for sample in samples for path in sample.values)
    for path in sorted(paths, key=lambda path: (not path.startswith("$.payload"), path.count("."))):
        name = path.removeprefix("$.")
        if not _NAME.fullmatch(name) and name not in ("syncMode", "membership"):
            continue
        values = [sample.values.get(path, MISSING) for sample in samples]
        absent = bits(row for row, value in enumerate(values) if value is MISSING or value is None)
        yield _Statement(f"{name} != null", absent)
        yield _Statement(f"{name} = null", everything ^ absent)
        for opposite, holds in _of_values(name, values, good):
            yield _Statement(opposite, holds)
        if any(isinstance(value, dict) for value in values):
            yield from _of_objects(name, values)


def _of_values(name: str, values: Sequence[Json], good: int) -> Iterator[tuple[str, int]]:
    rows: dict[Any, int] = {}
    empty = absent = 0
    for row, value in enumerate(values):
        if isinstance(value, str | bool):
            rows[value] = rows.get(value, 0) | 1 << row
        if value in ("", []) and value is not False:
            empty |= 1 << row
        elif value is MISSING or value is None:
            absent |= 1 << row
    if empty:
        yield f"length({name}) > 0", empty | absent
    goods = (1 << good) - 1
    everything = (1 << len(values)) - 1
    # What stands in one call only is a sample, which no rule names.
    often = [value for value in rows if rows[value].bit_count() > 1 and not is_made_up(value)]
    often = often[:_MOST_VALUES]
    for value in often:
        yield f"{name} != {_literal(value)}", rows[value]
    bad = [value for value in often if not rows[value] & goods]
    if len(bad) > 1:
        yield " and ".join(f"{name} != {_literal(value)}" for value in bad), _union(rows, bad)
    for chosen in (
        [value for value in often if rows[value] & goods],
        [value for value in often if not rows[value] & ~goods],
    ):
        if chosen:
            rule = " or ".join(f"{name} = {_literal(value)}" for value in chosen)
            yield rule, everything ^ _union(rows, chosen)
    yield from _of_starts(name, values, good)


def _of_objects(name: str, values: Sequence[Json]) -> Iterator[_Statement]:
    """Yield that no value in an object is of a certain kind, or that all are."""
    kinds = [
        {kind_of(one) for one in value.values()} if isinstance(value, dict) else set() for value in values
    ]
    for among in _KINDS:
        holds = bits(row for row, found in enumerate(kinds) if found & set(among))
        wrong = " || ".join(f"type(@) == '{kind}'" for kind in among)
        yield _Statement({"@jmespath": f"!(values({name} || `{{}}`)[?{wrong}])"}, holds)
    for kind in ("string", "number", "boolean"):
        holds = bits(row for row, found in enumerate(kinds) if found - {kind})
        yield _Statement({"@jmespath": f"!(values({name} || `{{}}`)[?type(@) != '{kind}'])"}, holds)


def _union(rows: Mapping[Any, int], chosen: Iterable[Any]) -> int:
    found = 0
    for value in chosen:
        found |= rows[value]
    return found


def _of_starts(name: str, values: Sequence[Json], good: int) -> Iterator[tuple[str, int]]:
    """Yield that a text begins, or ends, as those of good calls do."""
    texts = [value for value in values[:good] if isinstance(value, str)]
    if len(set(texts)) <= _MOST_VALUES:
        return
    start = _common_start(texts)
    end = _common_start([text[::-1] for text in texts])[::-1]
    patterns = [[f"{_escaped(start)}*"], [f"*{_escaped(end)}"]]
    origins = [found[0] for text in texts if (found := _ORIGIN.match(text))]
    if len(origins) == len(texts) and len(set(origins)) <= _MOST_RULES:
        patterns.append([f"{_escaped(origin)}*" for origin in dict.fromkeys(origins)])
    for chosen in patterns:
        if min(map(len, chosen)) <= _SHORTEST_START:
            continue
        globs = [compile_glob(pattern) for pattern in chosen]
        fits = bits(
            row
            for row, value in enumerate(values)
            if isinstance(value, str) and any(glob.matches(value) for glob in globs)
        )
        rule = " or ".join(f"match({name}, {_literal(pattern)})" for pattern in chosen)
        yield rule, ((1 << len(values)) - 1) ^ fits


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    size = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
    return first[:size]


def _escaped(text: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
