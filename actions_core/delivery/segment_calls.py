"""`track`, `identify` and the others, with the names and the order of arguments of Segment's client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from actions_core.errors import EventError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actions_core.values.types import JsonObject


class SegmentCalls(ABC):
    """One method for each type of event; each returns the event's `messageId`.

    Ids that are not strings become strings, as in Segment's client. What is None is left out.
    """

    @abstractmethod
    def post(self, event: Mapping[str, Any]) -> str:
        """Accept an event."""

    def track(
        self,
        user_id: object = None,
        event: str | None = None,
        properties: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        anonymous_id: object = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record what a user did."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "track", "event": event, "properties": properties or {}}
        made |= {"userId": _id(user_id), "anonymousId": _id(anonymous_id)}
        return self.post(_checked(made, ("userId", "anonymousId"), ("event",)))

    def identify(
        self,
        user_id: object = None,
        traits: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        anonymous_id: object = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record who a user is."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "identify", "traits": traits or {}}
        made |= {"userId": _id(user_id), "anonymousId": _id(anonymous_id)}
        return self.post(_checked(made, ("userId", "anonymousId")))

    def group(
        self,
        user_id: object = None,
        group_id: object = None,
        traits: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        anonymous_id: object = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record that a user belongs to a group."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "group", "groupId": _id(group_id), "traits": traits or {}}
        made |= {"userId": _id(user_id), "anonymousId": _id(anonymous_id)}
        return self.post(_checked(made, ("userId", "anonymousId"), ("groupId",)))

    def page(  # noqa: PLR0913, PLR0917 - the order of Segment's client
        self,
        user_id: object = None,
        category: str | None = None,
        name: str | None = None,
        properties: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        anonymous_id: object = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record that a user saw a page of a website."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "page", "category": category, "name": name, "properties": properties or {}}
        made |= {"userId": _id(user_id), "anonymousId": _id(anonymous_id)}
        return self.post(_checked(made, ("userId", "anonymousId")))

    def screen(  # noqa: PLR0913, PLR0917 - as above
        self,
        user_id: object = None,
        category: str | None = None,
        name: str | None = None,
        properties: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        anonymous_id: object = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record that a user saw a screen of an app."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "screen", "category": category, "name": name, "properties": properties or {}}
        made |= {"userId": _id(user_id), "anonymousId": _id(anonymous_id)}
        return self.post(_checked(made, ("userId", "anonymousId")))

    def alias(
        self,
        previous_id: object = None,
        user_id: object = None,
        context: Mapping[str, Any] | None = None,
        timestamp: datetime | str | None = None,
        integrations: Mapping[str, Any] | None = None,
        message_id: object = None,
    ) -> str:
        """Record that two ids belong to one user."""
        made = _common(context, timestamp, integrations, message_id)
        made |= {"type": "alias", "previousId": _id(previous_id), "userId": _id(user_id)}
        return self.post(_checked(made, ("userId",), ("previousId",)))


def _common(context: object, timestamp: object, integrations: object, message_id: object) -> JsonObject:
    made = {"messageId": _id(message_id), "timestamp": timestamp}
    return made | {"context": context, "integrations": integrations}


def _id(given: object) -> str | None:
    return given if given is None or isinstance(given, str) else str(given)


def _checked(made: JsonObject, *required: tuple[str, ...]) -> JsonObject:
    """Return the event without what is None; of each group of keys in `required`, one has to be given."""
    problems = [
        Problem("$", f"needs {' or '.join(_ARGUMENTS[key] for key in keys)}")
        for keys in required
        if all(made[key] is None or made[key] == "" for key in keys)
    ]
    if problems:
        raise EventError(f"this {made['type']} call is incomplete:", problems=problems)
    return {key: value for key, value in made.items() if value is not None}


_ARGUMENTS = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "event": "event",
    "groupId": "group_id",
    "previousId": "previous_id",
}
