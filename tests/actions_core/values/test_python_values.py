"""Which JSON each kind of Python's values becomes, and which have none."""

from __future__ import annotations

import collections
import dataclasses
import enum
import math
import random
import subprocess
import sys
import types
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core import EventError
from actions_core.values.plain import _walk, plain_copy

LARGE = 1_000_000


class Colour(enum.Enum):
    """An enum of strings."""

    RED = "red"


class Plan(str, enum.Enum):  # noqa: UP042 - the older spelling is what is tried
    """An enum whose members are strings too."""

    PRO = "pro"


class Level(enum.IntEnum):
    """An enum of numbers."""

    HIGH = 3


class Nested(enum.Enum):
    """An enum whose value has to be converted too."""

    DAY = date(2026, 1, 2)


class Access(enum.Flag):
    """Flags."""

    READ = 1
    WRITE = 2


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


@dataclasses.dataclass
class Product:
    """A data class."""

    sku: str
    added: datetime
    _private: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    """A data class without a `__dict__`."""

    tags: frozenset[str]


@attrs.frozen
class Order:
    """An attrs class."""

    total: Decimal
    products: tuple[Product, ...]


class Text(str):
    """A str that says something else when it is asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return "overridden"


class Several(dict[str, list[str]]):
    """A dict that stores lists and shows the first item of each, as werkzeug's does."""

    def items(self) -> Any:
        return [(key, values[0]) for key, values in super().items()]


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


class Whole(int):
    """A subclass of int."""


class Fine(float):
    """A subclass of float."""


DAY = datetime(2026, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - naive on purpose
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
PRODUCT = {"sku": "a", "added": "2026-01-02T03:04:05.678Z", "_private": 1}

CASES: list[tuple[object, object]] = [
    (DAY, "2026-01-02T03:04:05.678Z"),
    (DAY.replace(tzinfo=UTC), "2026-01-02T03:04:05.678Z"),
    (DAY.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-01-01T21:34:05.678Z"),
    (DAY.replace(tzinfo=Nowhere()), "2026-01-02T03:04:05.678Z"),
    (datetime(33, 1, 2, tzinfo=UTC), "0033-01-02T00:00:00.000Z"),
    (date(2026, 1, 2), "2026-01-02"),
    (Decimal("42.50"), 42.5),
    (Decimal("42.00"), 42),
    (Decimal("1E+30"), 10**30),
    (Decimal("-0.1"), -0.1),
    (Decimal("1E-999999"), 0.0),
    (Decimal("NaN"), None),
    (Decimal("sNaN"), None),
    (Decimal("-Infinity"), None),
    (math.nan, None),
    (math.inf, None),
    (-math.inf, None),
    (-0.0, -0.0),
    (ID, str(ID)),
    (Colour.RED, "red"),
    (Plan.PRO, "pro"),
    (Level.HIGH, 3),
    (Nested.DAY, "2026-01-02"),
    (Access.READ | Access.WRITE, 3),
    ({3, 1, 2}, [1, 2, 3]),
    ({"b", "a"}, ["a", "b"]),
    (frozenset({"b", 1, None}), [None, 1, "b"]),
    ((1, (2, [3])), [1, [2, [3]]]),
    (Point(1, 2), [1, 2]),
    (collections.deque([1, 2]), [1, 2]),
    (collections.UserList([1, 2]), [1, 2]),
    (range(3), [0, 1, 2]),
    ({"a": 1}.keys(), ["a"]),
    (b"abc", "abc"),
    ("Zürich".encode(), "Zürich"),
    (bytearray(b"abc"), "abc"),
    (memoryview(b"abc"), "abc"),
    (Product("a", DAY), PRODUCT),
    (Slotted(frozenset({"b", "a"})), {"tags": ["a", "b"]}),
    (Order(Decimal(3), (Product("a", DAY),)), {"total": 3, "products": [PRODUCT]}),
    (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (collections.defaultdict(list, a=[1]), {"a": [1]}),
    (collections.UserDict(a=1), {"a": 1}),
    (collections.ChainMap({"a": 1}, {"b": 2}), {"b": 2, "a": 1}),
    (types.MappingProxyType({"a": (1,)}), {"a": [1]}),
    (Several(a=["1", "2"]), {"a": "1"}),
    (collections.UserString("abc"), "abc"),
    (Text("abc"), "abc"),
    (Whole(7), 7),
    (Fine(7.5), 7.5),
    (Fine("nan"), None),
    (2**63, 2**63),
    (2**64 - 1, 2**64 - 1),
    (2**64, 2**64),
    (-(2**63) - 1, -(2**63) - 1),
    (Whole(2**64), 2**64),
    (10**3999, 10**3999),
    ("\ud800", "\ud800"),
    ("\ud83d\ude00", "😀"),
    ("\ud83d\ude00\ud83d", "😀\ud83d"),
    ({"\udfff": 1}, {"\udfff": 1}),
    ({1: "a", 2.0: "b", 2.5: "c"}, {"1": "a", "2": "b", "2.5": "c"}),
    ({True: "d", 10**30: "e"}, {"true": "d", str(10**30): "e"}),
    ({None: 1, False: 2, math.nan: 3}, {"null": 1, "false": 2, "NaN": 3}),
    ({Plan.PRO: 1, Colour.RED: 2, Level.HIGH: 3}, {"pro": 1, "red": 2, "3": 3}),
    ({ID: 1, date(2026, 1, 2): 2, DAY: 3}, {str(ID): 1, "2026-01-02": 2, "2026-01-02T03:04:05.678Z": 3}),
    ({Decimal("1.50"): 1, b"k": 2, Text("t"): 3, 10**30: 4}, {"1.5": 1, "k": 2, "t": 3, str(10**30): 4}),
]


@pytest.mark.parametrize(("value", "expected"), CASES, ids=map(str, range(len(CASES))))
@pytest.mark.parametrize("beside", [0, 2**70], ids=["orjson", "standard library"])
def test_each_kind_of_value_has_one_json_form(value: object, expected: object, beside: int) -> None:
    """A value becomes the same JSON whichever writer is used, at any depth, and has a plain type then."""
    copied, _ = plain_copy({"of": [value], "beside": beside}, max_bytes=LARGE)
    assert copied == {"of": [expected], "beside": beside}
    assert _plain(copied)
    assert list(_types(copied)) == list(_types({"of": [expected], "beside": beside}))


def _plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(_plain, value))
    return type(value) in {str, int, float, bool, type(None)}


def _types(value: Any) -> Any:
    """The types of the scalars: True is 1 and 1.0 for `==`."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _types(item)
    elif isinstance(value, list):
        for item in value:
            yield from _types(item)
    else:
        yield type(value)


def test_numpy() -> None:
    """Scalars and arrays of numpy become what their values are."""
    np = pytest.importorskip("numpy")
    cases = [
        (np.float64(42.5), 42.5),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.float32("nan"), None),
        (np.longdouble("1.5"), 1.5),
        (np.int64(3), 3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), "a"),
        (np.datetime64("2026-01-02T03:04:05.678901234"), "2026-01-02T03:04:05.678Z"),
        (np.datetime64("2026-01-02T03", "h"), "2026-01-02T03:00:00.000Z"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01"), "2026-01-01"),
        (np.datetime64("NaT", "s"), None),
        (np.timedelta64("NaT", "s"), None),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.array([1.5, np.nan]), [1.5, None]),
        (np.array(["2026-01-02T00:00", "NaT"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00.000Z", None]),
        (np.array("2026-01-02", dtype="datetime64[D]"), "2026-01-02"),
        (np.array([date(2026, 1, 2), {1}], dtype=object), ["2026-01-02", [1]]),
        ({np.str_("k"): 1, np.int64(4): 2}, {"k": 1, "4": 2}),
    ]
    for value, expected in cases:
        assert plain_copy([value], max_bytes=LARGE)[0] == [expected], repr(value)
        assert _plain(plain_copy([value], max_bytes=LARGE)[0]), repr(value)
    bad = [np.timedelta64(1, "s"), np.complex128(1), np.clongdouble(1), np.datetime64("20000-01-01", "s")]
    with pytest.raises(EventError) as raised:
        plain_copy(bad, max_bytes=LARGE)
    assert [problem.path for problem in raised.value.problems] == ["$[0]", "$[1]", "$[2]", "$[3]"]


def test_pandas() -> None:
    """Scalars of pandas become times and null; a Series is refused with the way to get its values."""
    pd = pytest.importorskip("pandas")
    value = {"at": pd.Timestamp("2026-01-02T03:04:05.678901234Z"), "nat": pd.NaT, "na": pd.NA, pd.NaT: 1}
    value["naive"] = pd.Timestamp("2026-01-02")
    expected = {"at": "2026-01-02T03:04:05.678Z", "nat": None, "na": None, "null": 1}
    assert plain_copy(value, max_bytes=LARGE)[0] == {**expected, "naive": "2026-01-02T00:00:00.000Z"}
    with pytest.raises(EventError, match=r"\$\.row: is a Python Series.*to_dict\(\)"):
        plain_copy({"row": pd.Series([1])}, max_bytes=LARGE)


def test_pydantic() -> None:
    """A model of pydantic 2 or 1 becomes its fields, which are converted as everything else."""
    pydantic = pytest.importorskip("pydantic")

    class Item(pydantic.BaseModel):  # type: ignore[name-defined,misc]  # imported when it runs
        at: datetime
        price: Decimal
        tags: frozenset[str] = frozenset({"b", "a"})
        secret: Any = None

    class Items(pydantic.RootModel[list[Item]]):  # type: ignore[name-defined,misc]  # as above
        pass

    item = Item(at=DAY, price=Decimal("1.50"))
    expected = {"at": "2026-01-02T03:04:05.678Z", "price": 1.5, "tags": ["a", "b"], "secret": None}
    assert plain_copy({"item": item}, max_bytes=LARGE)[0] == {"item": expected}
    assert plain_copy(Items([item]), max_bytes=LARGE)[0] == [expected]


def test_secrets_and_urls_of_pydantic() -> None:
    """A URL is the string that it stands for; a secret goes out neither in clear text nor as stars."""
    pydantic = pytest.importorskip("pydantic")
    core = pytest.importorskip("pydantic_core")
    urls = {
        "new": pydantic.HttpUrl("https://x.test/a?b"),
        "hosts": pydantic.PostgresDsn("postgres://u:p@a.test,b.test/db"),
        "old": core.Url("https://x.test/"),
        "old_hosts": core.MultiHostUrl("postgres://a.test,b.test/db"),
    }
    assert plain_copy(urls, max_bytes=LARGE)[0] == {name: str(url) for name, url in urls.items()}
    assert plain_copy({urls["new"]: 1}, max_bytes=LARGE)[0] == {"https://x.test/a?b": 1}
    for secret in (pydantic.SecretStr("s3cret"), pydantic.SecretBytes(b"s3cret"), pydantic.Secret[int](7)):
        with pytest.raises(
            EventError, match=r"\$\.a\[0\]: is a Python Secret.*get_secret_value\(\)"
        ) as refused:
            plain_copy({"a": [secret]}, max_bytes=LARGE)
        assert "s3cret" not in str(refused.value)


def test_pydantic_1() -> None:
    """A model of pydantic 1 becomes its fields."""

    class Model:
        __fields__ = __validators__ = ("a",)

        def dict(self) -> dict[str, object]:
            return {"a": date(2026, 1, 2)}

    assert plain_copy([Model()], max_bytes=LARGE)[0] == [{"a": "2026-01-02"}]


class Broken(collections.UserDict[str, int]):
    """A mapping that cannot be read."""

    def items(self) -> Any:
        raise RuntimeError("closed")


class BrokenKey(collections.UserString):
    """A string that cannot be read."""

    def __init__(self) -> None: ...

    def __hash__(self) -> int:
        return 1

    def __str__(self) -> str:
        raise RuntimeError("closed")

    data = property(__str__)  # type: ignore[assignment]  # on purpose


class Endless(collections.UserString):
    """What turns into another of its kind, and again."""

    def __init__(self) -> None:
        self.depth = 0

    @property
    def data(self) -> Endless:
        return Endless()

    @data.setter
    def data(self, _: object) -> None: ...


REFUSED: list[tuple[object, str]] = [
    (object(), "is a Python object, which has no JSON form; make a string or a number of it"),
    (Fraction(1, 3), "is a Python Fraction, which has no JSON form; make a string or a number of it"),
    (1j, "is a Python complex, which has no JSON form"),
    (time(1, 2), "is a Python time, which has no JSON form; write it as a string or a number"),
    (timedelta(1), "is a Python timedelta, which has no JSON form; write it as a string or a number"),
    ((item for item in ()), "is a Python generator, which has no JSON form; make a list of it"),
    (Product, "is a Python type, which has no JSON form; use what it returns"),
    (len, "which has no JSON form; use what it returns"),
    (b"\xff", "is bytes that are not UTF-8 text (byte 0xff at 0)"),
    (memoryview(b"abcd").cast("i"), "is a memoryview of something other than bytes"),
    (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "is a time that falls outside"),
    (10**5000, "is a number with more than 4,000 digits"),
    (Decimal("1E+999999"), "is a number with more than 4,000 digits"),
    (Decimal("1" + "0" * 400 + ".5"), "is a number with a fraction that is too large for a float"),
    (range(10**12), "has 1,000,000,000,000 items; at most 1,000,000 are allowed"),
    ({(1, 2): 3}, "has a key that is a Python tuple; keys are strings"),
    ({frozenset(): 3}, "has a key that is a Python frozenset; keys are strings"),
    ({object: 3}, "is a Python type, which has no JSON form"),
    ({1: "a", "1": "b"}, "has two keys that both become '1'"),
    ({ID: 1, str(ID): 2}, "has two keys that both become"),
    ({b"\xff": 1}, "is bytes that are not UTF-8 text"),
    (Broken(), "cannot be read: RuntimeError: closed"),
    ({BrokenKey(): 1}, "has a key that cannot be read: RuntimeError: closed"),
    (Endless(), "never becomes plain JSON"),
]


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_has_no_json_form_is_refused(value: object, message: str) -> None:
    """A value without a JSON form is an error that names its path and says what it is."""
    with pytest.raises(EventError) as raised:
        plain_copy({"a": [1, {"b": value}]}, max_bytes=LARGE)
    assert [problem.path for problem in raised.value.problems] == ["$.a[1].b"]
    assert message in raised.value.problems[0].message


@given(
    st.lists(st.sampled_from([value for value, _ in CASES if getattr(value, "__hash__", None)]), max_size=5)
)
def test_kinds_mixed(values: list[Any]) -> None:
    """Values of all kinds side by side give the same by both ways, in dicts, lists and as keys."""
    made = {"list": values, "dict": dict(enumerate(values)), "tuple": tuple(values)}
    assert repr(plain_copy(made, max_bytes=LARGE)) == repr(_walk(made, LARGE))


def test_sets_have_one_order_in_every_process() -> None:
    """The order of a set does not depend on how Python hashes strings in this process."""
    program = (
        "import sys, json; from actions_core.values.plain import plain_copy\n"
        "value = {'abc', 'de', 'f', b'g', 1, None, (1, 2)}\n"
        "sys.stdout.write(json.dumps(plain_copy([value, {'x', 'yy', 'zzz'}], max_bytes=1000)))"
    )
    seen = {
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "1234"
    }
    assert len(seen) == 1


def test_nothing_of_the_programs_libraries_is_imported() -> None:
    """Values of numpy, pandas and pydantic are recognised without importing any of the three."""
    program = (
        "import sys; from actions_core.values.plain import plain_copy\n"
        "try: plain_copy({'a': {1}, 'b': object()}, max_bytes=1000)\n"
        "except ValueError: pass\n"
        "except Exception as error: assert 'has no JSON form' in str(error)\n"
        "print({'numpy', 'pandas', 'pydantic'} & set(sys.modules))"
    )
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout == "set()\n"


def test_random_objects_never_escape() -> None:
    """Whatever is given, the result is plain JSON or an EventError."""
    dice = random.Random(7)
    leaves = [value for value, _ in CASES] + [value for value, _ in REFUSED]
    for _ in range(2000):
        value: Any = dice.choice(leaves)
        for _ in range(dice.randrange(5)):
            other = dice.choice(leaves)
            key = other if getattr(other, "__hash__", None) else "key"
            value = dice.choice(
                [[value, other], (value,), {"a": value, "b": other}, collections.UserList([value])]
            )
            try:
                value = {key: value}
            except (TypeError, ValueError, RecursionError):
                continue
        try:
            copied, size = plain_copy(value, max_bytes=32768)
        except EventError as error:
            assert error.problems or error.code == "EVENT_TOO_LARGE"  # noqa: PT017 - either is right
        else:
            assert _plain(copied)
            assert size <= 32768
