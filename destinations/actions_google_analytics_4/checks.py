"""What Google drops without a word, found before it is sent: every problem at once, with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core import Problem
from actions_google_analytics_4.currencies import is_currency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import Json, JsonObject

#: The actions whose value says nothing without a currency.
_VALUED: Final = frozenset(
    {"removeFromCart", "viewCart", "addPaymentInfo", "refund", "generateLead", "addToWishlist"}
)
#: Those that need a currency whether they have a value or not.
_PRICED: Final = _VALUED - {"generateLead"}


def problems(action: str, payload: JsonObject) -> list[Problem]:
    """Return every problem of a payload."""
    return [
        *_currency_problems(action, payload),
        *_item_problems(payload.get("items", [])),
        *_param_problems(payload.get("params", {})),
        *_property_problems(payload.get("user_properties", {})),
    ]


def _currency_problems(action: str, payload: JsonObject) -> Iterator[Problem]:
    currency, items = payload.get("currency"), payload.get("items", [])
    if currency:
        yield from _unknown("$.currency", currency)
    elif payload.get("value") and action in _VALUED:
        yield Problem("$.currency", "Currency is needed beside a value.")
    elif action in _PRICED and not (items and items[0].get("currency")):
        yield Problem("$.currency", "Currency is needed, of the event or of its first product.")
    if action == "addPaymentInfo" and not items:
        yield Problem("$.items", "Products are needed, one at least.")


def _item_problems(items: list[JsonObject]) -> Iterator[Problem]:
    for index, item in enumerate(items):
        if "item_id" not in item and "item_name" not in item:
            yield Problem(f"$.items[{index}]", "A product needs an id or a name.")
        if currency := item.get("currency"):
            yield from _unknown(f"$.items[{index}].currency", currency)


def _unknown(path: str, currency: str) -> Iterator[Problem]:
    if not is_currency(currency):
        yield Problem(path, f"{currency} is not a currency of ISO 4217.")


def _param_problems(params: JsonObject) -> Iterator[Problem]:
    for name, value in params.items():
        if (value is None or isinstance(value, dict | list)) and not _are_items(name, value):
            yield Problem(f"$.params.{name}", f"The parameter {name} must be text, a number, true or false.")


def _are_items(name: str, value: Json) -> bool:
    return name == "items" and isinstance(value, list)


def _property_problems(properties: JsonObject) -> Iterator[Problem]:
    for name, value in properties.items():
        if isinstance(value, dict | list):
            yield Problem(
                f"$.user_properties.{name}",
                f"The user property {name} must be text, a number, true, false or null.",
            )
