"""Slack: a message goes to addresses of Slack's webhooks alone."""

from __future__ import annotations

import asyncio
import random
import re

from actions_slack import destination

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport

HOSTS = [".slack.com", ".slack.com", ".slackxcom", ".slack.community", "", ".slack.com.evil.example"]
PLAIN = ["hooks", "a-b", "Z9"]
ODD = ["/", ".", ".slack.com", "?", "#", "@", ":", "\\", "é", "a-b"]
WEBHOOK = re.compile(r"https://(?:[a-zA-Z0-9-]+\.)+slack\.com/[a-zA-Z0-9/]*")


def test_no_message_goes_anywhere_but_to_slack() -> None:
    """Of random addresses, exactly those below slack.com without odd signs get the message."""
    chance = random.Random(7)  # not for secrets
    urls = set()
    for _ in range(1500):
        before, after = chance.choice(PLAIN), chance.choice(["", "x", "x/Y/9", "//"])
        if chance.random() < 0.4:
            before += chance.choice(ODD) + chance.choice(["", *PLAIN])
        if chance.random() < 0.4:
            after += chance.choice(ODD) + chance.choice(["", *PLAIN])
        urls.add(f"https://{before}{chance.choice(HOSTS)}/{after}")
    transport = RecordingTransport()
    registry = Registry()
    registry.register(destination)
    subscription = {
        "partnerAction": "postToChannel",
        "subscribe": 'type = "track"',
        "mapping": {"url": {"@path": "$.event"}, "text": "Hello"},
    }
    workspace = Workspace.from_dict(
        {"destinations": [{"destination": "slack", "subscriptions": [subscription]}]}
    )

    async def scenario() -> None:
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            for url in sorted(urls):
                await engine.send({"type": "track", "userId": "u", "event": url})

    asyncio.run(scenario())
    assert {request.url for request in transport.requests} == {url for url in urls if WEBHOOK.fullmatch(url)}
    assert len(transport.requests) > 20
