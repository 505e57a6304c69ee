"""The organization's quota, towards which server events count."""

from __future__ import annotations

import asyncio

import pytest
from actions_fullstory.sandbox import FullStorySandbox

from actions_core import Engine, RequestError, Workspace
from actions_core.testing import make_event


def test_the_quota_is_told_as_it_comes() -> None:
    """The engine returns FullStory's own words, which count the events that were sent; no role is needed."""

    async def scenario() -> None:
        async with FullStorySandbox() as stand_in:
            instance = {
                "id": "one",
                "destination": "fullstory",
                "settings": {"apiKey": stand_in.viewer_key, "baseUrl": stand_in.url},
            }
            good = {**instance, "id": "two", "settings": {**instance["settings"], "apiKey": stand_in.api_key}}  # type: ignore[dict-item] # the settings are an object
            good["subscriptions"] = [  # type: ignore[assignment] # as above
                {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": {"name": "x"}}
            ]
            bad = {**instance, "id": "bad", "settings": {"apiKey": "wrong", "baseUrl": stand_in.url}}
            async with Engine(Workspace.from_dict({"destinations": [instance, good, bad]})) as engine:
                assert (await engine.account("one"))["quotas"][0]["used"] == 0
                assert (await engine.send(make_event())).ok
                assert (await engine.account("two"))["quotas"][0]["used"] == 1
                with pytest.raises(RequestError) as refused:
                    await engine.account("bad")
                assert refused.value.status == 401

    asyncio.run(scenario())
