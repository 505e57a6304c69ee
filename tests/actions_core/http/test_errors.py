"""Names of statuses, which are the codes of failures."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from actions_core.http.errors import status_name


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (306, "SWITCH_PROXY"),
        (413, "PAYLOAD_TOO_LARGE"),
        (414, "URI_TOO_LONG"),
        (416, "RANGE_NOT_SATISFIABLE"),
        (418, "IM_A_TEAPOT"),
        (422, "UNPROCESSABLE_ENTITY"),
        (429, "TOO_MANY_REQUESTS"),
        (499, "CANCELLED"),
        (509, "BANDWIDTH_LIMIT_EXCEEDED"),
        (529, "SITE_IS_OVERLOADED"),
        (0, "UNKNOWN_ERROR"),
        (299, "UNKNOWN_ERROR"),
        (599, "UNKNOWN_ERROR"),
    ],
)
def test_a_status_has_one_name_on_every_python(status: int, name: str) -> None:
    """Codes are ours: they do not change with the names that Python gives from version to version."""
    assert status_name(status) == name


def test_every_status_that_python_knows_has_a_name() -> None:
    """What a later Python adds shows up here."""
    assert [status for status in HTTPStatus if status_name(status) == "UNKNOWN_ERROR"] == []
