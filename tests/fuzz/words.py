"""Random values made of our own vocabulary, and the seasoning that programs choke on.

Everything is drawn from one `Random`, so that a case is known by its kind and its seed. The dice are
loaded: most values are ordinary, so that what is built of them gets far before it fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    T = TypeVar("T")

EVENT_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias", "delete")
KEYS: Final = (
    "type", "event", "name", "userId", "anonymousId", "groupId", "previousId", "properties", "traits",
    "context", "messageId", "timestamp", "email", "plan", "total", "price", "products", "first-name",
    "is.active", "a", "b", "page", "url", "personas", "computation_class", "computation_key",
    "external_audience_id", "audience_settings", "integrations", "consent", "categoryPreferences",
)  # fmt: skip
HOSTILE_KEYS: Final = (
    "__proto__", "constructor", "__class__", "self", "", " ", "0", "-1", "$env", "_metadata", "@path", "a.b",
    "a[0]", "['a']", "ü", "\ud800", "\0", "\n", "toString", "None", "x" * 300, "{{a}}", "%s", "{0}",
    "__segment_internal_sync_mode", "__segment_internal_directive", "event", "\u2028",
)  # fmt: skip
TEXTS: Final = (
    "track", "Order Completed", "jane@example.com", "user-1", "https://x.test/a?b=1", "42", "3.14", "true",
    "null", "2026-01-02T03:04:05.000Z", "1700000000", "USD", "a,b;c", "", " padded ", "sRGB", "$5.00",
)  # fmt: skip
HOSTILE_TEXTS: Final = (
    "\ud800", "\udfff\ud800", "a\0b", "\r\nX-Evil: 1", "\u202e", "\ufeff", "🦊" * 3, "e\u0301", "\u2028",
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1_000", "0x1F", "١٢٣", "1e-400", "-0", "+1", ".5",
    "5.", "0b1", "9" * 400, "9" * 5000, "2026-02-30", "2024-03-31T24:00:00Z", "0000-01-01", "+275760-09-13",
    "9999-12-31T23:59:60Z", "-86400", "1700000000.5", "99999999999999999999", "8.64e15", "01/01/1990",
    "Fri, 02 Jan 2026 03:04:05 GMT", "[object Object]", '{"a": 1}', '{"a":', "[[[", "[" * 5000, "\\", "%",
    "%zz", "%ff", "../..", "//evil.test", "http://[::1", "http://user:pw@h/", "HTTPS://X", "javascript:1",
    "mailto:", "http://\u212a", "xn--a", "a" * 64 + ".test", "(a+)+$", "[a-", "(?P<a>", "*" * 30, "$1$&$`",
    "{{", "}}", "{{{", "{{ a", "{%", "%}", "{% raw %}", "\x1b[31m", "';--", '"', "'", "`", "\x7f", "\x85",
    "__import__('os')", "%(a)s", "{0.__class__}", "ß", "İ", "ŉ", "ﬀ",
)  # fmt: skip
INTEGERS: Final = (
    0, 1, -1, 2, 7, 42, 100, 255, 1_700_000_000, 1_700_000_000_000, 2**31, 2**53, 2**53 + 1, -(2**53) - 1,
    2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**18,
)  # fmt: skip
FLOATS: Final = (
    0.0, -0.0, 0.1, 1.005, 12.5, -1.5, 3.14, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 1e16, 42.0, 8.64e15,
    253402300800.0, -62135596801.0,
)  # fmt: skip
NOT_FINITE: Final = (float("nan"), float("inf"), float("-inf"))
ALPHABET: Final = "abcxyzABC019 .,:;-_/\\\"'`$@#%&*()[]{}<>=!?|~^+\t\n\r\0é日\u00a0\ud83d"
#: How deep hostile nesting goes: around the limits of ours, of Python's, of its parsers.
DEPTHS: Final = (20, 50, 99, 100, 101, 150, 200, 500, 990, 1_000, 3_000)


def chance(rng: Random, share: float) -> bool:
    """Say yes in about `share` of the cases."""
    return rng.random() < share


def pick(rng: Random, items: Sequence[T]) -> T:
    """Draw an item: `choice`, at half its price."""
    return items[int(rng.random() * len(items))]


def weighted(rng: Random, *makers: tuple[float, Callable[[], T]]) -> T:
    """Make something by one of several makers; their shares add up to 1, the last one has the rest."""
    left = rng.random()
    for share, make in makers:
        left -= share
        if left < 0:
            return make()
    return makers[-1][1]()


def text(rng: Random) -> str:
    """Make a text: mostly a word, sometimes one that hurts, seldom a very long one."""
    roll = rng.random()
    if roll < 0.7:
        return pick(rng, TEXTS)
    if roll < 0.9:
        return pick(rng, HOSTILE_TEXTS)
    if roll < 0.995:
        return "".join(pick(rng, ALPHABET) for _ in range(int(rng.random() * 12)))
    return pick(rng, (*TEXTS, *HOSTILE_TEXTS, "a", "9", " ")) * int(rng.random() * 3_000)


def key(rng: Random) -> str:
    """Make the key of an object."""
    roll = rng.random()
    if roll < 0.85:
        return pick(rng, KEYS)
    return pick(rng, HOSTILE_KEYS) if roll < 0.97 else text(rng)


def number(rng: Random) -> int | float:
    """Make a number: sometimes one that JSON cannot say, seldom one that Python will not write."""
    roll = rng.random()
    if roll < 0.4:
        return int(rng.random() * 100)
    if roll < 0.65:
        return pick(rng, INTEGERS)
    if roll < 0.9:
        return pick(rng, FLOATS)
    if roll < 0.96:
        return pick(rng, NOT_FINITE)
    return (-1 if chance(rng, 0.5) else 1) * 10 ** pick(rng, (20, 100, 308, 309, 400, 4_299, 4_301, 6_000))


def scalar(rng: Random) -> Any:
    """Make a value that holds no other."""
    roll = rng.random()
    if roll < 0.5:
        return text(rng)
    if roll < 0.75:
        return number(rng)
    return None if roll < 0.85 else roll < 0.93


def value(rng: Random, depth: int = 3) -> Any:
    """Make any value of JSON, at most `depth` deep but for the seasoning."""
    roll = rng.random()
    if depth <= 0 or roll < 0.55:
        return scalar(rng)
    if roll < 0.75:
        return [value(rng, depth - 1) for _ in range(int(rng.random() * 4))]
    if roll < 0.998:
        return {key(rng): value(rng, depth - 1) for _ in range(int(rng.random() * 4))}
    return deep(rng, scalar(rng))


def deep(rng: Random, inner: Any) -> Any:
    """Put a value into as many lists and objects as hurt."""
    kind = int(rng.random() * 3)
    for level in range(pick(rng, DEPTHS)):
        inner = [inner] if kind == 0 or (kind == 2 and level % 2) else {"a": inner}
    return inner


def spoil(rng: Random, document: Any, times: int = 1) -> Any:
    """Change some places of a document: replace what stands there, remove it, or rename its key.

    The document itself is changed, and given back; another one where its root was hit.
    """
    for _ in range(times):
        places = list(_places(document))
        if not places or chance(rng, 0.02):
            document = value(rng)
            continue
        holder, at = pick(rng, places)
        roll = rng.random()
        if roll < 0.6:
            holder[at] = value(rng, 2)
        elif roll < 0.75:
            del holder[at]
        elif roll < 0.9 and isinstance(holder, dict):
            holder[key(rng)] = holder.pop(at)
        else:
            holder[at] = deep(rng, holder[at]) if chance(rng, 0.2) else [holder[at]]
    return document


def _places(document: Any, limit: int = 400) -> list[tuple[Any, Any]]:
    """Every place in a document where a value stands, without what is too many."""
    found: list[tuple[Any, Any]] = []
    stack = [document] if isinstance(document, (dict, list)) else []
    while stack and len(found) < limit:
        holder = stack.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for at in keys:
            found.append((holder, at))
            if isinstance(holder[at], (dict, list)) and len(stack) < limit:
                stack.append(holder[at])
    return found
