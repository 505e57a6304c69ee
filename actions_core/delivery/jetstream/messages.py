"""A delivery as a message of the broker: the event is its body, its state are its headers.

Names are percent-encoded in headers, which take neither line breaks nor what is beyond ASCII.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

import attrs

from actions_core.delivery.letters import DeadLetter
from actions_core.values.events import message_id_of
from actions_core.values.json_bytes import json_bytes, read_stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions_core.engine.workspace import InstanceSpec

MESSAGE_ID: Final = "Nats-Msg-Id"
SCHEDULE: Final = "Nats-Schedule"
SCHEDULE_TARGET: Final = "Nats-Schedule-Target"
#: A message that is no delivery: whoever takes it serves its instance from then on.
CALL_FOR_WORKER: Final = "Actions-Call"
_KEY: Final = "Actions-Key"
_INSTANCE: Final = "Actions-Instance"
_SUBSCRIPTION: Final = "Actions-Subscription"
_WORKSPACE: Final = "Actions-Workspace"
_AT: Final = "Actions-At"
_TRIES: Final = "Actions-Tries"
_FIRST: Final = "Actions-First"
_STATUS: Final = "Actions-Status"
_COUNT: Final = "Actions-Count"
_REPEATED: Final = "Actions-Repeated"
_UNKNOWN_SINCE: Final = "Actions-Unknown-Since"
_CODE: Final = "Actions-Code"
_REASON: Final = "Actions-Reason"
_ANSWER: Final = "Actions-Answer"
_LAST: Final = "Actions-Last"
#: Percent-encoded, a sentence stays readable.
_SAFE: Final = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"
#: The characters of a reason and of a response that a dead letter keeps.
_MOST_REASON: Final = 2000
_MOST_ANSWER: Final = 4000


@attrs.frozen
class Delivery:
    """An event for one subscription on its way through the broker, or a batch of them, one in each line.

    `key` is the same for each message of this delivery. `workspace` is the digest of the instance's part of
    the workspace by which it was accepted; `unknown_since` is when a worker first did not know its
    subscription; a `repeated` batch may have been sent before. Times are milliseconds since 1970.
    """

    key: str
    instance: str
    subscription: str
    body: bytes = attrs.field(repr=False)
    at: int = 0
    workspace: str = ""
    tries: int = 0
    first: int | None = None
    status: int | None = None
    unknown_since: int | None = None
    count: int = 1
    repeated: bool = False

    @classmethod
    def of_event(
        cls, text: str, instance: str, subscription: str, *, at: int, workspace: str = ""
    ) -> Delivery:
        """Make the delivery of an event as an outbox keeps it."""
        event: Any = read_stored(text)
        names = f"{message_id_of(event)}\0{instance}\0{subscription}".encode("utf-8", "surrogatepass")
        key = blake2b(names, digest_size=16).hexdigest()
        return cls(key, instance, subscription, text.encode(), at, workspace)

    @classmethod
    def of_batch(
        cls, texts: Sequence[str], instance: str, subscription: str, *, at: int, workspace: str = ""
    ) -> Delivery:
        """Make the delivery of events that go together, as long as nobody knows what became of them."""
        each = [cls.of_event(text, instance, subscription, at=at, workspace=workspace) for text in texts]
        if len(each) == 1:
            return each[0]
        keys = "".join(one.key for one in each).encode()
        key = blake2b(keys, digest_size=16).hexdigest()
        body = b"\n".join(one.body for one in each)
        return cls(key, instance, subscription, body, at, workspace, count=len(each))

    @classmethod
    def from_message(cls, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Read a message. Raises `KeyError` or `ValueError` for one that is not a delivery."""
        return cls(
            headers[_KEY],
            _decoded(headers[_INSTANCE]),
            _decoded(headers[_SUBSCRIPTION]),
            body,
            int(headers[_AT]),
            headers.get(_WORKSPACE, ""),
            int(headers.get(_TRIES, "0")),
            _number(headers, _FIRST),
            _number(headers, _STATUS),
            _number(headers, _UNKNOWN_SINCE),
            int(headers.get(_COUNT, "1")),
            _REPEATED in headers,
        )

    @property
    def texts(self) -> list[str]:
        """The events as the outbox kept them."""
        return [self.body.decode()] if self.count == 1 else self.body.decode().split("\n")

    def part(self, texts: Sequence[str]) -> Delivery:
        """Return a delivery of some of its events, with its tries."""
        if len(texts) == self.count:
            return self
        part = Delivery.of_batch(
            texts, self.instance, self.subscription, at=self.at, workspace=self.workspace
        )
        return attrs.evolve(
            part,
            tries=self.tries,
            first=self.first,
            status=self.status,
            unknown_since=self.unknown_since,
            repeated=self.repeated,
        )

    def headers(self, message_id: str) -> dict[str, str]:
        """Return the headers of a message; of two with the same `message_id` the broker takes one."""
        headers = {
            MESSAGE_ID: message_id,
            _KEY: self.key,
            _INSTANCE: _encoded(self.instance),
            _SUBSCRIPTION: _encoded(self.subscription),
            _AT: str(self.at),
        }
        if self.workspace:
            headers[_WORKSPACE] = self.workspace
        if self.tries:
            headers[_TRIES] = str(self.tries)
        if self.count > 1:
            headers[_COUNT] = str(self.count)
        if self.repeated:
            headers[_REPEATED] = "1"
        numbers = {_FIRST: self.first, _STATUS: self.status, _UNKNOWN_SINCE: self.unknown_since}
        headers.update({name: str(number) for name, number in numbers.items() if number is not None})
        return headers

    def burial_headers(
        self, message_id: str, code: str, *, reason: str, answer: str, last: int
    ) -> dict[str, str]:
        """Return the headers of a dead letter."""
        return {
            **self.headers(message_id),
            _CODE: _encoded(code),
            _REASON: _encoded(reason[:_MOST_REASON]),
            _ANSWER: _encoded(answer[:_MOST_ANSWER]),
            _LAST: str(last),
        }

    def afresh(self) -> Delivery:
        """Return the delivery as it was before it was tried."""
        return attrs.evolve(self, tries=0, first=None, status=None, unknown_since=None)


def read_letter(number: int, headers: Mapping[str, str], body: bytes) -> DeadLetter:
    """Return the dead letter in a message; without its body, the event is missing in it."""
    delivery = Delivery.from_message(headers, body)
    return DeadLetter(
        number,
        delivery.instance,
        delivery.subscription,
        _message_id(body),
        _decoded(headers.get(_CODE, "")),
        delivery.status,
        _decoded(headers.get(_REASON, "")),
        _decoded(headers.get(_ANSWER, "")),
        delivery.tries,
        delivery.first,
        int(headers.get(_LAST, "0")),
        delivery.at,
        body.decode(),
    )


def place_of(reply: str) -> tuple[tuple[str, int], int]:
    """Return the stream and the number in it of a message, and how often it was handed out."""
    # $JS.ACK.STREAM.CONSUMER.DELIVERED.NUMBER.…, or with a domain and an account before the stream.
    tokens = reply.split(".")
    first = 2 if len(tokens) == 9 else 4  # noqa: PLR2004 - the parts of the shorter form
    return (tokens[first], int(tokens[first + 3])), int(tokens[first + 2])


def _message_id(body: bytes) -> str:
    event: Any = read_stored(body.decode()) if body else None
    return (message_id_of(event) or "") if isinstance(event, dict) else ""


def _encoded(text: str) -> str:
    # Blanks at the ends would be lost on the way.
    safe = _SAFE if text == text.strip() else _SAFE[1:]
    return quote(text, safe=safe, errors="surrogatepass")


def _decoded(text: str) -> str:
    return unquote(text, errors="surrogatepass")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name)
    return None if value is None else int(value)


def workspace_digest(spec: InstanceSpec) -> str:
    """Return a digest of an instance's subscriptions and filters, which tells two workspaces apart."""
    subscriptions: Any = spec.subscriptions
    if not isinstance(subscriptions, str):
        subscriptions = [attrs.asdict(each) for each in subscriptions]
    part = json_bytes([spec.destination, spec.enabled, subscriptions, list(spec.filters)])
    return blake2b(part, digest_size=8).hexdigest()
