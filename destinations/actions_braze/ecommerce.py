"""Braze's recommended events of shops: which properties each has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_braze.definition import alias_of, sync_mode
from actions_core import PayloadError, format_time, present, read_time

if TYPE_CHECKING:
    from actions_core import Context, JsonObject, Payload

_USER: Final = ("external_id", "braze_id", "email", "phone", "user_alias")
_SHARED: Final[tuple[str, ...]] = ("currency", "source", "metadata")
_DISCOUNTS: Final = ("total_discounts", "discounts")
#: The properties of each event with several products, beside those that all have.
_PROPERTIES: Final = {
    "ecommerce.checkout_started": ("checkout_id", "cart_id"),
    "ecommerce.order_placed": ("order_id", "cart_id", *_DISCOUNTS),
    "ecommerce.order_refunded": ("order_id", *_DISCOUNTS),
    "ecommerce.order_cancelled": ("order_id", "cancel_reason", *_DISCOUNTS),
}
_PRODUCT: Final[tuple[str, ...]] = (
    *("quantity", "product_id", "product_name", "variant_id"),
    *("price", "image_url", "product_url"),
)


def ecommerce_event(payload: Payload, context: Context) -> JsonObject:
    """Make one of the recommended events."""
    user = {key: payload[key] for key in _USER if payload.get(key)}
    if not user:
        names = ", ".join(f'"{name}"' for name in _USER)
        raise PayloadError.at("$", f"One of {names} is required.")
    name = payload["name"]
    properties: JsonObject = {key: payload[key] for key in _SHARED if key in payload}
    if name not in _PROPERTIES:
        properties.update(payload.get("product", {}))
    elif "products" not in payload:
        raise PayloadError.at("$.name", f"{name} has several products: use the action for those.")
    else:
        properties["products"] = [_product(product) for product in payload["products"]]
        known = ("total_value", *_PROPERTIES[name])
        properties.update({key: payload[key] for key in known if key in payload})
    # An alias never makes a profile, whatever the sync mode.
    update = alias_of(payload) is not None or sync_mode(context) == "update"
    return present(
        {
            **user,
            "app_id": context.settings.get("app_id") or None,
            "name": name,
            "time": format_time(read_time(payload["time"])),
            "properties": properties,
            "_update_existing_only": True if update else None,
        }
    )


def _product(product: JsonObject) -> JsonObject:
    """Return a product, what Braze has no property for as its metadata."""
    known = {key: product[key] for key in _PRODUCT if key in product}
    metadata = {key: value for key, value in product.items() if key not in _PRODUCT}
    return {**known, **({"metadata": metadata} if metadata else {})}
