"""The data of the stand-in: users, events and the sessions that are full."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from actions_fullstory.sandbox.answers import Refusal, missing, user_not_found
from actions_fullstory.sandbox.checks import an_object, custom_event_of, event_of, typed_properties, user_of

if TYPE_CHECKING:
    from actions_core import Json, JsonObject

#: The first one is forgotten when there are more: a stand-in may run for long.
MOST_USERS: Final = 100_000
MOST_EVENTS: Final = 100_000


@attrs.define
class User:
    """A user as FullStory shows it."""

    id: str
    uid: str | None = None
    display_name: str | None = None
    email: str | None = None
    properties: JsonObject = attrs.field(factory=dict)
    is_being_deleted: bool = False

    def to_json(self) -> JsonObject:
        """Return the user as responses contain it."""
        return {name: value for name, value in attrs.asdict(self).items() if value is not None}


class Organization:
    """The users and events of one organization.

    `identified` holds the uids that a browser or app session has identified: v1 takes no others.
    """

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.events: deque[JsonObject] = deque(maxlen=MOST_EVENTS)
        self.identified: set[str] = set()
        self.full_sessions: set[str] = set()
        self._by_uid: dict[str, User] = {}
        self._ids = itertools.count(1)

    def find(self, uid: str) -> User | None:
        """Return the user with this uid."""
        return self._by_uid.get(uid)

    def user(self, user_id: str) -> User:
        """Return the user with FullStory's own id, or refuse."""
        if user_id not in self.users:
            raise user_not_found()
        return self.users[user_id]

    def upsert(self, body: Json) -> User:
        """Create or update a user by uid. Without a uid each call makes a new anonymous user."""
        data = user_of(body)
        uid = data.get("uid")
        return self._update(self._known(uid) if uid else self._create(None), data)

    def update(self, user_id: str, body: Json) -> User:
        """Update a user by FullStory's own id."""
        return self._update(self.user(user_id), user_of(body))

    def delete(self, uid: str | None) -> None:
        """Mark a user for deletion; `sweep` does it."""
        if not uid:
            raise missing("uid")
        user = self.find(uid)
        if user is None:
            raise user_not_found()
        user.is_being_deleted = True

    def sweep(self) -> None:
        """Delete the users that are marked."""
        for user in [user for user in self.users.values() if user.is_being_deleted]:
            self._forget(user)

    def track(self, body: Json) -> JsonObject:
        """Store an event (v2), and create its user if there is none yet."""
        event = event_of(body)
        user = event.pop("user", None)
        if user is not None:
            who = self.user(user["id"]) if "id" in user else self._known(user.get("uid"))
            event["user"] = {"id": who.id} if who.uid is None else {"id": who.id, "uid": who.uid}
        self._check_session(event)
        self.events.append(event)
        return event

    def set_properties(self, uid: str, body: Json) -> None:
        """Update a user whom a session has identified (v1)."""
        user = self._identified(uid)
        properties = an_object(body)
        kept = typed_properties(properties)
        self._update(
            user,
            {
                "display_name": kept.pop("displayName", None),
                "email": kept.pop("email", None),
                "properties": kept,
            },
        )

    def track_custom(self, uid: str, body: Json) -> None:
        """Store an event of a user whom a session has identified (v1)."""
        user = self._identified(uid)
        event = custom_event_of(body)
        self.events.append({**event, "user": {"id": user.id, "uid": uid}})

    def _identified(self, uid: str) -> User:
        if uid not in self.identified:
            raise user_not_found()
        return self._known(uid)

    def _check_session(self, event: JsonObject) -> None:
        if event.get("session", {}).get("id") in self.full_sessions:
            raise Refusal(400, "session_page_limit_exceeded", "the session holds as many pages as it can")

    def _known(self, uid: str | None) -> User:
        return (uid and self._by_uid.get(uid)) or self._create(uid)

    def _create(self, uid: str | None) -> User:
        user = User(str(1_000_000_000 + next(self._ids)), uid)
        if len(self.users) >= MOST_USERS:
            self._forget(next(iter(self.users.values())))
        self.users[user.id] = user
        if uid:
            self._by_uid[uid] = user
        return user

    def _forget(self, user: User) -> None:
        del self.users[user.id]
        if user.uid is not None:
            self._by_uid.pop(user.uid, None)
            self.identified.discard(user.uid)

    def _update(self, user: User, data: JsonObject) -> User:
        uid = data.get("uid")
        if uid and uid != user.uid:
            if user.uid is not None:
                self._by_uid.pop(user.uid, None)
            user.uid = uid
            self._by_uid[uid] = user
        user.display_name = data.get("display_name") or user.display_name
        user.email = data.get("email") or user.email
        user.properties = {**user.properties, **data.get("properties", {})}
        return user
