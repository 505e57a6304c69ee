"""A connection to a broker: JetStream's calls as JSON, publishing until it is acknowledged.

The client of NATS knows neither pinned consumers nor schedules, so that consumers are made and pulled by the
API's own calls. Nothing of the client shows outside: what goes wrong is a `BrokerError`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from actions_core.delivery.errors import BrokerError

try:
    from nats.aio.client import Client
    from nats.errors import Error as NatsError
except ModuleNotFoundError as error:
    raise BrokerError(
        "a broker needs nats-py: pip install 'actions-core[nats]'", code="NATS_MISSING", retryable=False
    ) from error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from actions_core.values.types import JsonObject

    Taker: TypeAlias = Callable[[Msg], Awaitable[None]]

_LOGGER: Final = logging.getLogger("actions_core")
#: Schedules of messages came with this version.
_OLDEST_SERVER: Final = (2, 12)
#: What says that the network failed. A RuntimeError is what uvloop raises for a connection that is closed.
_NETWORK: Final = (NatsError, TimeoutError, OSError, RuntimeError)
#: Seconds for one call of the API, or one acknowledgement.
CALL: Final = 5.0
#: Seconds between two tries to connect.
_RECONNECT: Final = 0.5
#: The status of what nobody takes.
_NO_RESPONDERS: Final = "503"
#: The codes of JetStream's errors that are told apart.
STREAM_NOT_FOUND: Final = 10059
CONSUMER_NOT_FOUND: Final = 10014
NAME_IN_USE: Final = 10058
MESSAGE_NOT_FOUND: Final = 10037
#: The stream has as many bytes as it may have.
STREAM_FULL: Final = frozenset({10077, 10047, 10023})


class Connection:
    """A connection to the broker, which is taken up again whenever it breaks."""

    def __init__(self, client: Client, shown: str) -> None:
        self._client = client
        self.is_closing = False
        #: The broker's address without its secrets.
        self.shown = shown
        self._inbox = client.new_inbox()
        self._answers: Subscription | None = None
        self._pending: dict[str, asyncio.Future[bytes | None]] = {}
        self._requests = 0
        #: Called after each reconnection.
        self.on_reconnect: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Connection {self.shown}>"

    @property
    def is_connected(self) -> bool:
        """True while the broker can be reached."""
        return bool(self._client.is_connected)

    @property
    def largest(self) -> int:
        """The most bytes of one message, its headers included."""
        return int(self._client.max_payload)

    async def call(self, call: str, **values: Any) -> JsonObject:
        """Call JetStream's API. Raises `BrokerError` with the code of its error in `status`."""
        payload = json.dumps(values).encode() if values else b""
        answer = await self._request(f"$JS.API.{call}", payload)
        if answer is None:
            raise BrokerError(
                f"the broker at {self.shown} has no JetStream: enable 'jetstream' in its configuration",
                code="BROKER_WITHOUT_JETSTREAM",
            )
        read: JsonObject = json.loads(answer)
        refused: Any = read.get("error")
        if refused:
            raise BrokerError(
                f"the broker at {self.shown} refused {call}: {refused.get('description')}",
                status=refused.get("err_code"),
            )
        return read

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Publish a message and return its number in its stream, once the broker has stored it.

        Raises `BrokerError` where that is not so, or not known.
        """
        ack: Any = json.loads(await self._request(subject, body, headers) or b"{}")
        refused = ack.get("error")
        if refused or "seq" not in ack:
            told = refused or {}
            code, words = told.get("err_code"), told.get("description", "no stream takes it")
            raise BrokerError(
                f"the broker at {self.shown} refused a message: {words}",
                code="BROKER_FULL" if code in STREAM_FULL else None,
                status=code,
            )
        return int(ack["seq"])

    async def ask(self, subject: str, body: bytes, *, timeout: float = CALL) -> None:  # noqa: ASYNC109 - a call's own
        """Send something that is confirmed, such as an acknowledgement, and wait for that."""
        await self._request(subject, body, timeout=timeout)

    async def _request(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL,  # noqa: ASYNC109 - as everywhere in this API
    ) -> bytes | None:
        """Send a message and return the answer, None where nobody listens there.

        Fails as soon as the connection is lost, since no answer comes any more then.
        """
        if (
            not self._client.is_connected
        ):  # it would keep it for later: whoever calls has a better place for it
            raise self._lost()
        if self._answers is None:
            self._answers = await self._client.subscribe(f"{self._inbox}.*", cb=self._take_answer)
        self._requests += 1
        number = str(self._requests)
        answered: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._pending[number] = answered
        try:
            async with asyncio.timeout(timeout):
                told = None if headers is None else dict(headers)
                await self._client.publish(subject, body, reply=f"{self._inbox}.{number}", headers=told)
                return await answered
        except _NETWORK as error:
            raise self._unreachable(error) from error
        finally:
            self._pending.pop(number, None)

    async def _take_answer(self, message: Msg) -> None:
        answered = self._pending.get(message.subject.rpartition(".")[2])
        if answered is not None and not answered.done():
            nobody = not message.data and (message.headers or {}).get("Status") == _NO_RESPONDERS
            answered.set_result(None if nobody else message.data)

    def fail_pending(self) -> None:
        """Have everything fail whose answer is lost with the connection."""
        for answered in self._pending.values():
            if not answered.done():
                answered.set_exception(self._lost())

    async def tell(self, subject: str, body: bytes, *, reply: str = "") -> None:
        """Send something that nobody confirms."""
        try:
            await self._client.publish(subject, body, reply=reply)
        except _NETWORK as error:
            raise self._unreachable(error) from error

    async def listen(self, take: Taker) -> tuple[str, Subscription]:
        """Subscribe to an address of our own; return it, and the subscription."""
        inbox = self._client.new_inbox()
        return inbox, await self._client.subscribe(inbox, cb=take)

    async def silence(self, subscription: Subscription) -> None:
        """End a subscription, once everything that has come to it was taken."""
        if not self._client.is_connected:  # there is nothing to end
            return
        with suppress(*_NETWORK):
            async with asyncio.timeout(CALL):
                await subscription.drain()  # type: ignore[no-untyped-call]  # theirs

    async def close(self) -> None:
        """Send what is pending, and close."""
        self.is_closing = True
        if self._client.is_connected:
            await self._flush()
        with suppress(*_NETWORK):
            async with asyncio.timeout(1.0):
                await self._client.close()

    async def _flush(self) -> None:
        with suppress(*_NETWORK):
            async with asyncio.timeout(1.0):
                await self._client.flush()

    def _lost(self) -> BrokerError:
        return BrokerError(f"the connection to the broker at {self.shown} is lost", code="BROKER_UNREACHABLE")

    def _unreachable(self, error: BaseException) -> BrokerError:
        words = str(error) or type(error).__name__
        return BrokerError(f"no answer of the broker at {self.shown}: {words}", code="BROKER_UNREACHABLE")


async def connect(
    url: str,
    *,
    credentials: Path | None = None,
    name: str = "actions",
    timeout: float = CALL,  # noqa: ASYNC109 - as everywhere in this API
) -> Connection:
    """Connect to a broker. Raises `BrokerError` in words where it cannot be reached, or is too old."""
    servers = [server.strip() for server in url.split(",") if server.strip()]
    shown = ", ".join(_without_secrets(server) for server in servers)
    if credentials is not None and not credentials.is_file():  # noqa: ASYNC240 - one look
        raise BrokerError(
            f"there is no file of credentials {credentials}", code="BROKER_CREDENTIALS", retryable=False
        )
    troubles: list[BaseException] = []
    holder: list[Connection] = []
    client = await _open(servers, shown, credentials, name, timeout, troubles, holder)
    version = client.connected_server_version
    if (version.major, version.minor) < _OLDEST_SERVER:
        await client.close()
        raise BrokerError(
            f"the broker at {shown} is nats-server {version.major}.{version.minor}: 2.12 or newer is needed, "
            "since retries are schedules of the broker",
            code="BROKER_TOO_OLD",
            retryable=False,
        )
    connection = Connection(client, shown)
    holder.append(connection)
    return connection


async def _open(
    servers: list[str],
    shown: str,
    credentials: Path | None,
    name: str,
    timeout: float,  # noqa: ASYNC109 - as everywhere in this API
    troubles: list[BaseException],
    holder: list[Connection],
) -> Client:
    async def note(error: Exception) -> None:
        troubles.append(error)
        del troubles[:-1]

    async def disconnected() -> None:
        if holder and not holder[0].is_closing:
            _LOGGER.warning("broker: the connection to %s is lost", shown)
            holder[0].fail_pending()

    async def reconnected() -> None:
        _LOGGER.warning("broker: connected to %s again", shown)
        for connection in holder:
            for call in connection.on_reconnect:
                call()

    client = Client()
    try:
        async with asyncio.timeout(timeout):
            await client.connect(
                servers,
                name=name,
                error_cb=note,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT,  # type: ignore[arg-type]  # it only sleeps for so long
                user_credentials=None if credentials is None else str(credentials),
            )
    except (*_NETWORK, ValueError) as error:
        words = str(troubles[-1] if troubles else error) or "nobody answers"
        raise BrokerError(
            f"cannot connect to the broker at {shown}: {words}", code="BROKER_UNREACHABLE"
        ) from error
    return client


def _without_secrets(server: str) -> str:
    """Return the host and the port of an address; user, password and token stand before them."""
    try:
        parts = urlsplit(server if "://" in server else f"nats://{server}")
    except ValueError:
        return "an invalid address"
    return parts.netloc.rpartition("@")[2] or "an invalid address"
