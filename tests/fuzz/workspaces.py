"""The small workspaces to which random events and random responses go."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz.destination import SLUG

#: Nothing of it waits long, whatever a response asks for.
_QUICK: Final = {
    "retry": {"tries": 2, "base": 0, "cap": 0, "within": 0.1},
    "breaker": {"failures": 20, "pause": 0.001, "longest": 0.001},
    "poll": {"base": 0.001, "cap": 0.001, "within": 0.003},
}


def _fullstory(number: int, action: str, **more: Any) -> dict[str, Any]:
    names = {"trackEvent": "track", "trackEventV2": "track"}
    return {
        "id": f"fullstory-{number}",
        "destination": "actions-fullstory-cloud",
        "settings": {"apiKey": "na1.secret"},
        "subscriptions": [
            {
                "name": action,
                "partnerAction": action,
                "subscribe": f'type = "{names.get(action, "identify")}"',
            }
        ],
        "delivery": _QUICK,
        **more,
    }


def _random(number: int, action: str, **more: Any) -> dict[str, Any]:
    made = _fullstory(number, action, **more)
    made |= {"id": f"random-{number}", "destination": SLUG}
    made["settings"] = {"oauth": {"access_token": "t1", "refresh_token": "r", "refresh_token_url": "x"}}
    made["subscriptions"] = [{"name": action, "partnerAction": action, "subscribe": 'type != "x"'}]
    return made


_FILTERS: Final = [
    {"if": 'event = "Order Completed"', "actions": [{"type": "SAMPLE", "percent": 0.5, "path": "userId"}]},
    {
        "if": "properties.total > 10",
        "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": ["a", "products.0.price"]}}],
    },
    {"if": 'type = "page"', "actions": [{"type": "DROP"}]},
    {
        "if": 'contains(traits.email, "@")',
        "actions": [{"type": "ALLOW_PROPERTIES", "fields": {"traits": {"fields": ["email", "a.b"]}}}],
    },
]  # fmt: skip
_URL: Final = {"@path": "$.context.page.url"}
_WEBHOOK: Final = {
    "id": "webhook",
    "destination": "actions-webhook",
    "settings": {"sharedSecret": "s3cret"},
    "allowPrivateAddresses": True,
    "delivery": _QUICK,
    "subscriptions": [
        {
            "name": "hook",
            "partnerAction": "send",
            "subscribe": 'type != "x"',
            "mapping": {
                "url": {"@if": {"exists": _URL, "then": _URL, "else": "https://hook.test/"}},
                "method": "POST",
                "headers": {"@path": "$.traits"},
                "data": {"@path": "$."},
            },
        }
    ],
}
#: Small workspaces for random events; each is one variant of a case.
VARIANTS: Final[tuple[tuple[dict[str, Any], ...], ...]] = (
    (_fullstory(1, "trackEventV2"), _fullstory(2, "identifyUserV2", filters=_FILTERS)),
    (_fullstory(3, "trackEvent"), _fullstory(4, "identifyUser")),
    (_WEBHOOK,),
    (_random(1, "stated"), _random(2, "later")),
    (_random(3, "written", filters=_FILTERS),),
)
