"""The secrets that stand in the text of a workspace, whatever is wrong with it: no difference shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from actions_core.engine.environment import is_variable
from actions_core.engine.instances import read_settings, written_passwords
from actions_core.http.masking import texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

#: Name and password in a URL.
_USER_INFO: Final = re.compile(r"^\w+://([^/?#]*)@")


def secrets_of(
    data: JsonObject, destinations: Mapping[str, Destination], environ: Mapping[str, str]
) -> list[str]:
    """Return the secrets in settings and mappings of all instances, write keys, and passwords in addresses.

    Of an instance whose destination is unknown, every setting may be one.
    """
    found: list[str] = []
    for instance in _objects(data.get("destinations")):
        name = instance.get("destination")
        destination = destinations.get(name) if isinstance(name, str) else None
        settings = instance.get("settings")
        if destination is None:
            values = settings.values() if isinstance(settings, dict) else ()
            found += [text for value in values for text in _texts(value)]
            continue
        if isinstance(settings, dict):
            found += read_settings(settings, destination, "$", environ)[1]
        for subscription in _objects(instance.get("subscriptions")):
            action = destination.spec.actions.get(str(subscription.get("partnerAction")))
            found += written_passwords(subscription.get("mapping"), {} if action is None else action.fields)
    for source in _objects(data.get("sources")):
        found += _texts(source.get("writeKey"))
    for text in texts(data.get("outbox")):
        info = _USER_INFO.match(text)
        found += [] if info is None else [info[1]]
    return found


def _objects(listed: Json) -> Iterator[JsonObject]:
    """Yield the objects of what should be a list of them."""
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            yield item


def _texts(value: Json) -> list[str]:
    """Return what may be secret in a value; the name of a variable is not."""
    return [] if is_variable(value) else texts(value)
