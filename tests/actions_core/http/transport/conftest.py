"""What the tests of the transport share."""

from __future__ import annotations

import pytest

from actions_core.http.requests import Request


@pytest.fixture(params=[Request("GET", "/"), Request("POST", "/", json=[1])], ids=["session", "direct"])
def question(request: pytest.FixtureRequest) -> Request:
    """A request that is the session's, and one that goes the direct way: most rules hold for both."""
    asked: Request = request.param
    return asked
