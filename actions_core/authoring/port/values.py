"""Random values for fields: usual ones, those that guards look for, and awkward ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.literals import Literals
from actions_core.testing.samples import sample_item
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_AWKWARD: Final[tuple[str, ...]] = (
    "",
    " ",
    "  padded ",
    "0",
    "a/b?c=d&e#f",
    "100%",
    "a+b c",
    'say "hi" \\ there',
    "line\nbreak",
    "Zoë 東京 🎉",
    "null",
    "true",
    "12.50",
    "1e3",
    "-3",
    "<b>&amp;</b>",
    "{{x}}",
    "$.a",
    "x" * 130,
    "UPPER Case",
    "a,b;c",
    "[1,2]",
    '{"a":1}',
)
_PLAIN: Final[tuple[str, ...]] = ("alpha", "beta", "Order Completed", "u-1", "42", "premium", "Jane", "sku_7")
#: Values that look like what a key promises, where its name ends so.
_BY_NAME: Final[Mapping[str, tuple[Json, ...]]] = {
    "email": ("jane@example.com", " Jane.Doe+x@Example.COM ", "not-an-email", "a@b.co"),
    "phone": ("+14155550132", "(415) 555-0132", "0041 44 668 18 00", "5550132", "abc"),
    "currency": ("USD", "EUR", "JPY", "GBP", "eur", "dollars"),
    "country": ("US", "de", "United Kingdom", "CH"),
    "state": ("CA", "california", "ZH"),
    "city": ("New York", "zürich", "São Paulo"),
    "zip": ("94107", "94107-1234", "SW1A 1AA", "8001"),
    "postal_code": ("94107", "8001"),
    "gender": ("m", "F", "female", "other"),
    "birthday": ("1990-02-03", "19900203", "2/3/1990"),
    "dob": ("1990-02-03", "19900203"),
    "first_name": ("Jane", " JOSÉ ", "mary ann"),
    "last_name": ("Doe", "O'Neil"),
    "url": ("https://example.com/a?b=1", "http://example.com", "example.com/path"),
    "ip": ("203.0.113.7", "2001:db8::1"),
    "user_agent": ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0 Safari/537.36",),
    "locale": ("en-US", "de", "pt_BR"),
    "language": ("en", "de"),
    "timezone": ("Europe/Zurich", "America/New_York"),
    "price": (12.5, 0, "19.90", -1),
    "quantity": (1, 3, "2", 0),
    "value": (12.5, 0, "19.90"),
    "revenue": (12.5, "19.90", 0),
}
_TIME_NAMES: Final = ("time", "timestamp", "_at", "date", "sent_at")
#: How many fields are changed at once.
_FEW: Final = (1, 1, 1, 2, 2, 3, 5)
_NUMBERS: Final[tuple[Json, ...]] = (0, 1, -1, 2, 12.5, 99.99, 1000, 0.1, 1234567890, -7.25)


@attrs.frozen
class Values:
    """A source of random values.

    `now` is the moment of the run: values near it, and years from it, are equally likely, because rules such
    as "not older than seven days" look at it.
    """

    random: Random
    now: datetime
    literals: Literals = attrs.field(factory=Literals)
    fixed: Mapping[str, Sequence[Json]] = attrs.field(factory=dict)
    #: whether values are to be told from each other wherever they turn up
    distinct: bool = False
    #: whether times may be in seconds, which the published framework takes for milliseconds; without them,
    #: as in a draft, texts are mostly what their names promise
    seconds: bool = True

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.random.random() < probability

    def payload(self, fields: Mapping[str, FieldSpec], *, density: float, nasty: float) -> JsonObject:
        """Return values for fields: the required ones, and of the others a part as large as `density`."""
        found: JsonObject = {}
        for key, field in fields.items():
            required = field.required is True
            if required and self.chance(0.02 * (nasty > 0)):
                continue
            # What is required under a condition is mostly there, whether or not that holds.
            needed = required or (field.required is not False and self.chance(0.8))
            if needed or self.chance(density):
                found[key] = self.field(key, field, density=density, nasty=nasty)
        return found

    def changes(self, fields: Mapping[str, FieldSpec], payload: JsonObject, *, nasty: float) -> JsonObject:
        """Return a few fields of a payload with other values; MISSING stands for a field to be taken out."""
        keys = self.random.sample([*fields], min(len(fields), self.random.choice(_FEW)))
        return {key: self._change(key, fields[key], payload.get(key, MISSING), nasty) for key in keys}

    def _change(self, key: str, field: FieldSpec, value: Json, nasty: float) -> Json:
        """Return another value of a field: within a list or an object, mostly another part of it."""
        if value is not MISSING and field.required is not True and self.chance(0.3):
            return MISSING
        if isinstance(value, dict) and field.properties and self.chance(0.7):
            return applied(value, self.changes(field.properties, value, nasty=nasty))
        if isinstance(value, list) and value and field.multiple and self.chance(0.7):
            return self._change_in_list(key, field, value, nasty)
        return self.field(key, field, nasty=nasty)

    def _change_in_list(self, key: str, field: FieldSpec, items: list[Json], nasty: float) -> list[Json]:
        place = self.random.randrange(len(items))
        item = items[place]
        if len(items) > 1 and self.chance(0.2):
            return [*items[:place], *items[place + 1 :]]
        if isinstance(item, dict) and field.properties and self.chance(0.8):
            changed = applied(item, self.changes(field.properties, item, nasty=nasty))
        else:
            changed = self._item(key, field, 0.7, nasty)
        return [*items[:place], changed, *items[place + self.chance(0.8) :]]

    def field(self, key: str, field: FieldSpec, *, density: float = 0.7, nasty: float = 0.1) -> Json:
        """Return a value for a field, of its type more often than not."""
        if key in self.fixed and self.chance(0.7):
            return self.random.choice(list(self.fixed[key]))
        if nasty and field.allow_null and self.chance(0.1):
            return None
        if field.multiple:
            most = 3 if self.chance(0.9) else 12
            items = [self._item(key, field, density, nasty) for _ in range(self.random.randint(0, most))]
            return items if items or self.chance(0.3) else [self._item(key, field, density, nasty)]
        return self._item(key, field, density, nasty)

    def _item(self, key: str, field: FieldSpec, density: float, nasty: float) -> Json:  # noqa: PLR0911  # one for each type
        if nasty and self.chance(nasty * 0.15):
            found = self.anything()
            if not _is_disputed(field, found):
                return found
        if field.values and not self.chance(nasty * 0.2):
            return self.random.choice(field.values)
        if field.type == "object":
            return self._object(field, density, nasty)
        if field.type in ("number", "integer"):
            return self._number(field)
        if field.type == "boolean":
            return self.random.choice([True, False])
        if field.type == "datetime":
            return self.time()
        return self._text(key, field, nasty)

    def _object(self, field: FieldSpec, density: float, nasty: float) -> JsonObject:
        declared = field.properties or {}
        found = self.payload(declared, density=density, nasty=nasty)
        if not declared or field.additional_properties:
            for _ in range(self.random.randint(0, 3 if declared else 5)):
                key, value = self.key(), self.anything()
                if key not in declared:  # which has values of its own
                    found[key] = value
        return found

    def _number(self, field: FieldSpec) -> Json:
        low, high = field.minimum, field.maximum
        if (low is not None or high is not None) and self.chance(0.8):
            start = -5 if low is None else low
            end = start + 10 if high is None else high
            number = self.random.choice([start, end, (start + end) / 2])
            return int(number) if field.type == "integer" or float(number).is_integer() else number
        if self.distinct:
            number = self.random.randint(1000, 9_999_999)
            return number if field.type == "integer" or self.chance(0.5) else number / 100
        pool = [number for number in _NUMBERS if field.type == "number" or isinstance(number, int)]
        near = [number + step for number in self.literals.numbers for step in (-1, 0, 1)]
        return self.random.choice([*pool, *near] if near and self.chance(0.3) else pool)

    def _text(self, key: str, field: FieldSpec, nasty: float) -> Json:  # noqa: C901, PLR0911  # one for each kind
        named = self._named(key)
        if field.format and self.chance(0.9):
            if named and self.chance(0.3):
                return self.random.choice(named)
            if field.format in ("date-time", "date-like"):
                return self.time()
            if field.format == "uri" and self.literals.addresses and self.chance(0.7):
                return f"{self.random.choice(self.literals.addresses)}/a{self.random.getrandbits(32):08x}"
            return sample_item(field, name=self._word())
        if named and self.chance(0.6 if self.seconds else 0.9):
            return self.random.choice(named)
        if not self.seconds and _is_a_time(field):
            # JavaScript reads most texts with a digit as a time; the others it does not.
            return self.time() if self.chance(0.8) else self.random.choice(("alpha", "Jane", "premium"))
        if any(_folded(key).endswith(name) for name in _TIME_NAMES) and self.chance(0.7):
            return self.time()
        if self.literals.guards and self.chance(0.2):
            return self.random.choice(self.literals.guards)
        if self.literals.texts and self.chance(0.2):
            return self.random.choice(self.literals.texts)
        if self.chance(nasty):
            return self.random.choice(_AWKWARD)
        return self._word()

    def _named(self, key: str) -> tuple[Json, ...]:
        folded = _folded(key)
        for name, values in _BY_NAME.items():
            if folded == name or folded.endswith((f"_{name}", f"{name}s")):
                return values
        return ()

    def _word(self) -> str:
        word = self.random.choice(_PLAIN)
        if self.distinct:
            return f"{word.replace(' ', '-')}-{self.random.getrandbits(32):08x}"
        return word if self.chance(0.5) else f"{word}-{self.random.randint(1, 99)}"

    def key(self) -> str:
        """Return a key of an object: one that the source reads, a usual one, or an awkward one."""
        if self.literals.keys and self.chance(0.5):
            return self.random.choice(self.literals.keys)
        return self.random.choice(
            ["plan", "price", "name", "email", "a b", "Größe", "x.y", "camelCase", "$odd", "nested", "items"]
        )

    def anything(self, depth: int = 0) -> Json:  # noqa: PLR0911  # one for each type
        """Return a value of any type."""
        draw = self.random.random()
        if draw < 0.4:
            texts = self.literals.texts if self.literals.texts and self.chance(0.4) else (*_PLAIN, *_AWKWARD)
            return self.random.choice(texts)
        if draw < 0.6:
            return self.random.choice(_NUMBERS)
        if draw < 0.7:
            return self.random.choice([True, False])
        if draw < 0.75:
            return None
        if draw < 0.8:
            return self.time()
        if depth > 2:
            return self._word()
        if draw < 0.9:
            return [self.anything(depth + 1) for _ in range(self.random.randint(0, 3))]
        return {self.key(): self.anything(depth + 1) for _ in range(self.random.randint(0, 3))}

    def time(self) -> Json:  # one for each spelling
        """Return a time in one of the spellings in which events have it, near the present or far from it."""
        hours = self.random.choice([0.3, 5, 48, 216, 16_800])
        moment = self.now - timedelta(hours=hours, milliseconds=self.random.randint(0, 999))
        if self.chance(0.05):
            moment = self.now + timedelta(days=3)
        draw = self.random.random()
        if draw < 0.7:
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        if draw < 0.78:
            return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
        if draw < 0.84:
            return f"{moment:%Y-%m-%dT%H:%M:%S}+02:00"
        if draw < 0.9:
            return f"{moment:%Y-%m-%d}"
        if draw < 0.95 and self.seconds:
            return int(moment.timestamp())
        return int(moment.timestamp() * 1000)


def _folded(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


def _is_a_time(field: FieldSpec) -> bool:
    """Return whether a field has by default the time of the event."""
    default = field.default
    return isinstance(default, dict) and default.get("@path") in ("$.timestamp", "$.receivedAt", "$.sentAt")


def applied(payload: JsonObject, changes: JsonObject) -> JsonObject:
    """Return a payload with changes made to it; MISSING takes a field out."""
    return {key: value for key, value in {**payload, **changes}.items() if value is not MISSING}


def _is_disputed(field: FieldSpec, value: Json) -> bool:
    """Return whether the published framework takes a value for another than it is, in any destination.

    Blanks are the number 0 there, any text with a digit in it is a time, and of a list of one time it makes
    a text where that is a number, and the reverse.
    """
    if isinstance(value, list) and len(value) == 1:
        return field.type == "datetime" or _is_disputed(field, value[0])
    if not isinstance(value, str):
        return False
    if field.type == "datetime":
        return any(letter.isdigit() for letter in value)
    return field.type in ("number", "integer") and value != "" and not value.strip()


def this_moment() -> datetime:
    """Return the present moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
