"""Closing: what raises while it is closed keeps nothing else open."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from actions_core import BackgroundEngine, Engine, Request, Response, Workspace
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.outbox import Outbox
from actions_core.http.transport import LazyTransport
from actions_core.testing import RecordingTransport

NOBODY = Workspace.from_dict({"destinations": []})


class Stuck(RecordingTransport):
    """A transport that cannot be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closings = 0

    async def close(self) -> None:
        """Raise."""
        self.closings += 1
        raise RuntimeError("no, s3cret")


class Plain:
    """A transport that knows if it was closed."""

    def __init__(self) -> None:
        self.closings = 0

    async def send(self, request: Request) -> Response:
        """Answer."""
        del request
        return Response(200)

    async def close(self) -> None:
        """Note it."""
        self.closings += 1


def test_a_transport_that_cannot_be_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The engine is closed all the same, the traceback is for those who ask, and a second time is no harm."""
    transport = Stuck()

    async def main() -> None:
        async with Engine(NOBODY, transport=transport) as engine:
            assert (await engine.send({"type": "track", "event": "E", "userId": "u"})).ok
            async for report in engine.send_many([{"type": "nonsense"}] * 2):
                assert not report.ok
        await engine.close()

    with caplog.at_level(logging.INFO, "actions_core"):
        asyncio.run(main())
    assert transport.closings == 2
    said = [record.getMessage() for record in caplog.records]
    assert "the transport could not be closed: RuntimeError" in said
    assert "s3cret" not in caplog.text
    assert any(
        "1 more" in line for line in said[said.index("the transport could not be closed: RuntimeError") :]
    )


def test_a_background_engine_ends_with_such_a_transport(caplog: pytest.LogCaptureFixture) -> None:
    """Its thread ends as it always does."""
    with BackgroundEngine(NOBODY, transport=Stuck()) as background:
        background.post({"type": "track", "event": "E", "userId": "u"})
        assert background.flush()
    assert "could not be closed: RuntimeError" in caplog.text
    assert "the engine could not be closed" not in caplog.text


def test_both_transports_over_the_network_are_closed() -> None:
    """One that cannot be closed leaves the other not open; the error is for whoever closes both."""

    async def main() -> Plain:
        whole, inner = LazyTransport(), Plain()
        whole._transport = inner
        whole.public_only()._transport = Stuck()
        with pytest.raises(RuntimeError):
            await whole.close()
        assert whole._transport is None
        return inner

    assert asyncio.run(main()).closings == 1


def test_an_outbox_that_cannot_be_closed_closes_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails of its file, the engine's transport is closed, and the error is raised at the end."""
    transport = Plain()

    async def main() -> None:
        outbox = Outbox(Engine(NOBODY, transport=transport), tmp_path / "events.db")
        await outbox.open()
        writer = outbox._parts()[0]
        close = writer.close

        def fail() -> None:
            close()
            raise OutboxError("as told")

        monkeypatch.setattr(writer, "close", fail)
        with pytest.raises(OutboxError, match="as told"):
            await outbox.close()

    asyncio.run(main())
    assert transport.closings == 1
