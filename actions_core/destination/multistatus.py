"""The outcome of a batch: one node for each payload, in the order of the payloads.

The keys of a node in JSON are Segment's (`errortype`, `errormessage`, `errorreporter`), because hosts
that read them exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.errors import ActionsError, DefinitionError
from actions_core.http.errors import ResponseError, status_name
from actions_core.values.plain import as_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Response
    from actions_core.values.types import Json, JsonObject

Reporter: TypeAlias = Literal["INTEGRATIONS", "DESTINATION"]

#: What became of one payload, in any of the forms in which a handler may have it.
Outcome: TypeAlias = "Node | Response | ActionsError | Skip"

_OK: Final = 200
_NOTHING_SENT: Final = 400
_FIRST_FAILURE: Final = 400
_NODE_KEYS: Final = ("status", "body", "sent", "errortype", "errormessage", "errorreporter", "skipped")


@attrs.frozen
class Skip:
    """An answer of a function in place of a request: there is nothing to send for this event.

    The result is skipped, for this reason; it is no failure, and nothing is tried again.
    """

    reason: str

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise DefinitionError('a Skip says why there is nothing to send: Skip("…")')


# Without slots: a frozen class sets its attributes at half the price then, and a twin takes a third.
@attrs.frozen(eq=False, repr=False, slots=False)
class Node:
    """What became of one payload. `sent` is what went out for it, `body` what came back.

    `skipped` says that its event was not meant for the subscription, or that there was nothing to send.
    Secrets are masked when the node is read: a batch has many nodes, of which hardly any is opened.
    """

    status: int
    _body: Json = MISSING
    _sent: Json = MISSING
    _errortype: str | None = None
    _errormessage: str | None = None
    errorreporter: Reporter | None = None
    skipped: bool = False
    _mask: Mask | None = attrs.field(default=None, kw_only=True)

    @property
    def body(self) -> Json:
        """What came back; `MISSING` where nothing did."""
        return self._body if self._mask is None or self._body is MISSING else self._mask.value(self._body)

    @property
    def sent(self) -> Json:
        """What went out; `MISSING` where nothing did."""
        return self._sent if self._mask is None or self._sent is MISSING else self._mask.value(self._sent)

    @property
    def errortype(self) -> str | None:
        """The stable name of what went wrong, None where nothing did."""
        return self._shown(self._errortype)

    @property
    def errormessage(self) -> str | None:
        """What went wrong, for people; None where nothing did."""
        return self._shown(self._errormessage)

    def _shown(self, text: str | None) -> str | None:
        return text if text is None or self._mask is None else self._mask.text(text)

    @property
    def ok(self) -> bool:
        """Whether the destination took the payload."""
        return self._errortype is None and self.status < _FIRST_FAILURE

    def _items(self) -> tuple[tuple[str, Json], ...]:
        return tuple((name, getattr(self, name)) for name in _NODE_KEYS)

    def __eq__(self, other: object) -> bool:
        return self._items() == other._items() if isinstance(other, Node) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # a body is a JSON value, which has no hash

    def __repr__(self) -> str:
        return f"Node({', '.join([f'{name}={value!r}' for name, value in self._items()])})"

    def to_dict(self) -> JsonObject:
        """Return the node as JSON: `{status, body, sent}`, or `{status, errortype, errormessage, …}`.

        The node of an event that was skipped has `skipped: true` too.
        """
        return {
            name: as_json(value) if name in ("body", "sent") else value
            for name, value in self._items()
            if value is not MISSING
            and not (value is None and name.startswith("error"))
            and not (value is False and name == "skipped")
        }

    def masked(self, mask: Mask) -> Node:
        """Return the same node, without secrets for whoever reads it.

        It is the node itself the first time: nobody shall have one that shows a secret. A handler may hand
        out one node for several instances, whose secrets differ.
        """
        node = self
        if self._mask is not None and self._mask is not mask:
            node = object.__new__(Node)
            node.__dict__.update(self.__dict__)
        node.__dict__["_mask"] = mask
        return node


_ACCEPTED: Final = Node(_OK).__dict__


def success(status: int = _OK, *, body: Json = MISSING, sent: Json = MISSING) -> Node:
    """Return the node of a payload that the destination accepted."""
    # Most nodes are made here: from a copy of another's attributes, at half the price of a new node's.
    node = object.__new__(Node)
    attributes = _ACCEPTED.copy()
    attributes["status"], attributes["_body"], attributes["_sent"] = status, body, sent
    object.__setattr__(node, "__dict__", attributes)
    return node


def failure(
    status: int,
    message: str,
    *,
    errortype: str | None = None,
    body: Json = MISSING,
    sent: Json = MISSING,
    reporter: Reporter | None = None,
    skipped: bool = False,
) -> Node:
    """Return the node of a payload that was not accepted.

    Without `errortype` it gets the name of its status; without `reporter` the destination is the one who
    said so when the node carries what was sent or what came back, and our side otherwise.
    """
    if reporter is None:
        reporter = "INTEGRATIONS" if sent is MISSING and body is MISSING else "DESTINATION"
    return Node(status, body, sent, errortype or status_name(status), message, reporter, skipped)


def failure_of(error: ActionsError) -> Node:
    """Return the node of a payload that failed with this error."""
    status = error.status or 500
    if isinstance(error, ResponseError):
        body = error.response.json
        shown = error.response.text if body is None else body
        return failure(status, str(error), errortype=error.code, body=shown)
    return failure(status, str(error), errortype=error.code)


def skipped(reason: str) -> Node:
    """Return the node of an event for which nothing was sent, and nothing had to be."""
    return failure(_NOTHING_SENT, reason, skipped=True)


class MultiStatus(Sequence[Node]):
    """What a batch handler answers: nodes in the order of the payloads that it was handed.

    Outcomes are appended, or put at the index of their payload: nodes, a `Skip`, or what a client gave for
    one payload, its response or the error that it raised. A payload without an outcome counts as failed with
    a 500.
    """

    def __init__(self, size: int = 0) -> None:
        self._nodes: list[Node | None] = [None] * size

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, index: int) -> Node:  # type: ignore[override] # slices have no use here
        return self._nodes[index] or _no_answer()

    def append(self, outcome: Outcome) -> None:
        """Add the outcome of the next payload."""
        self._nodes.append(node_of(outcome))

    def put(self, index: int, outcome: Outcome) -> None:
        """Set the outcome of the payload at `index`; those before it may still be missing."""
        if index < 0:
            raise IndexError(f"no payload has the index {index}")
        if index >= len(self._nodes):
            self._nodes += [None] * (index + 1 - len(self._nodes))
        self._nodes[index] = node_of(outcome)

    def add_success(self, status: int = _OK, *, body: Json = MISSING, sent: Json = MISSING) -> None:
        """Say that the destination took the next payload."""
        self._nodes.append(success(status, body=body, sent=sent))

    def add_sent(self, sent: Iterable[Json], status: int = _OK) -> None:
        """Say that the destination took the next payloads, and what was sent for each of them."""
        self._nodes += [success(status, sent=one) for one in sent]

    def add_failure(
        self,
        status: int,
        message: str,
        *,
        errortype: str | None = None,
        body: Json = MISSING,
        sent: Json = MISSING,
    ) -> None:
        """Say that the next payload was not taken."""
        self.append(failure(status, message, errortype=errortype, body=body, sent=sent))

    def put_all(self, indices: Iterable[int], outcome: Outcome) -> None:
        """Set one outcome of several payloads."""
        node = node_of(outcome)
        for index in indices:
            if 0 <= index < len(self._nodes):
                self._nodes[index] = node
            else:
                self.put(index, node)

    def put_success(
        self, index: int, status: int = _OK, *, body: Json = MISSING, sent: Json = MISSING
    ) -> None:
        """Say that the destination took the payload at `index`."""
        self.put(index, success(status, body=body, sent=sent))

    def put_failure(
        self,
        index: int,
        status: int,
        message: str,
        *,
        errortype: str | None = None,
        body: Json = MISSING,
        sent: Json = MISSING,
    ) -> None:
        """Say that the payload at `index` was not taken."""
        self.put(index, failure(status, message, errortype=errortype, body=body, sent=sent))

    def spread(self, count: int) -> list[Node]:
        """One node for each of `count` payloads."""
        given = self._nodes[:count]
        if len(given) < count:
            given += [None] * (count - len(given))
        return [node or _no_answer() for node in given]


def node_of(outcome: Outcome) -> Node:
    """Return the node of an outcome, complete."""
    if isinstance(outcome, Node):
        return outcome if outcome.ok or outcome.errortype else _named(outcome)
    if isinstance(outcome, Skip):
        return skipped(outcome.reason)
    return failure_of(outcome) if isinstance(outcome, ActionsError) else _of_response(outcome)


def _named(node: Node) -> Node:
    """Complete a failed node that was made by hand."""
    message = node.errormessage or f"the destination answered {node.status}"
    return failure(node.status, message, body=node.body, sent=node.sent, reporter=node.errorreporter)


def _no_answer() -> Node:
    return failure(500, "the handler gave no outcome for this payload")


def spread(answer: object, payloads: Sequence[Json]) -> list[Node]:
    """Spread the result of a batch handler over its payloads, one node for each.

    A `MultiStatus` counts node by node, a response or a `Skip` for all; nothing, or anything else, is a
    success of all. Where the handler did not say what it sent, that is the payload.
    """
    from actions_core.http.requests import Response

    if isinstance(answer, MultiStatus):
        return answer.spread(len(payloads))
    if isinstance(answer, Skip):
        return [skipped(answer.reason)] * len(payloads)
    one = _of_response(answer) if isinstance(answer, Response) else success(body={})
    return [attrs.evolve(one, sent=payload) for payload in payloads]


def _of_response(response: Response) -> Node:
    body = response.json
    body = response.text if body is None else body
    if response.status < _FIRST_FAILURE:
        return success(response.status, body=body)
    return failure(response.status, f"the destination answered {response.status}", body=body)
