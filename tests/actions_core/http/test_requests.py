"""Requests as handlers make them and as a transport gets them."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.errors import PayloadError, RequestError
from actions_core.http.requests import Request, Response


def test_a_base_completes_a_relative_url_only() -> None:
    """`with_base` puts a relative URL below the base and leaves an absolute one alone."""
    assert Request("GET", "/v2/users").with_base("https://x.test/").url == "https://x.test/v2/users"
    assert Request("GET", "http://y.test/a").with_base("https://x.test").url == "http://y.test/a"


def test_headers_of_the_request_win_over_those_of_the_base() -> None:
    """`with_base` adds headers where the request has none; `with_headers` replaces."""
    request = Request("GET", "/", headers={"a": "own"}).with_base(
        "https://x.test", {"a": "base", "b": "base"}
    )
    assert request.headers == {"a": "own", "b": "base"}
    assert request.with_headers({"a": "new"}).headers == {"a": "new", "b": "base"}


def test_names_of_headers_have_no_case() -> None:
    """A header takes the place of one of the same name in whatever case."""
    request = Request("GET", "/", headers={"authorization": "own"})
    assert request.with_base("https://x.test", {"Authorization": "base", "B": "b"}).headers == {
        "B": "b",
        "authorization": "own",
    }
    assert request.with_headers({"AUTHORIZATION": "new"}).headers == {"AUTHORIZATION": "new"}
    assert request.with_headers({}).headers == request.headers


@pytest.mark.parametrize(
    ("user", "password", "header"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("key", "", "Basic a2V5Og=="),
        ("ü", "a:b", "Basic w7w6YTpi"),
        ("\ud800", "", "Basic Pzo="),
    ],
)
def test_basic_authentication(user: str, password: str, header: str) -> None:
    """A user and a password become one header, in place of what stood there."""
    request = Request("GET", "/", headers={"authorization": "old", "a": "b"})
    assert request.with_basic_auth(user, password).headers == {"Authorization": header, "a": "b"}


def test_a_user_with_a_colon_is_refused() -> None:
    """A user with a colon would be read as another one, with another password."""
    with pytest.raises(RequestError, match="colon"):
        Request("GET", "/").with_basic_auth("a:b", "c")


def test_a_bearer_token() -> None:
    """A token becomes a header, in place of what stood there."""
    request = Request("GET", "/").with_basic_auth("a", "b")
    assert request.with_bearer("t").headers == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("url", "params", "complete"),
    [
        ("https://x.test/a", {"q": "ü &"}, "https://x.test/a?q=%C3%BC%20%26"),
        ("https://x.test/a?b=1", {"q": 1}, "https://x.test/a?b=1&q=1"),
        ("https://x.test/a#f", {"q": True}, "https://x.test/a?q=true#f"),
        ("https://x.test/a", {"q": [1, 2], "n": None}, "https://x.test/a?q=1&q=2"),
        ("https://x.test/a", {"n": None}, "https://x.test/a"),
        ("https://x.test/%2F%40", None, "https://x.test/%2F%40"),
    ],
)
def test_params_go_into_the_query(url: str, params: dict[str, Any] | None, complete: str) -> None:
    """A completed request has its whole query in the URL."""
    request = Request("GET", url, params=params).complete()
    assert (request.url, request.params or None) == (complete, None)


def test_a_relative_url_cannot_be_completed() -> None:
    """A URL that no base completed is an error that says so, without its query."""
    with pytest.raises(RequestError, match="prepare must add") as caught:
        Request("GET", "/a?key=secret").complete()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b", "\ud800", 7])
def test_a_header_that_would_break_out_is_refused(value: Any) -> None:
    """CR, LF, NUL and what no header can hold are an error of the payload, not to be tried again."""
    with pytest.raises(PayloadError) as caught:
        Request("GET", "https://x.test", headers={"a": value}).complete()
    assert not caught.value.retryable


def test_headers_may_hold_other_text() -> None:
    """Tabs and text beyond ASCII are no reason to refuse a header."""
    assert Request("GET", "https://x.test", headers={"a": "ü\tb"}).complete()


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, 10**5000], ids=["nan", "inf", "set", "long"]
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    """NaN, sets and endless numbers in a body are a PayloadError."""
    with pytest.raises(PayloadError, match="JSON"):
        Request("POST", "https://x.test", json={"a": value}).content()


def test_bodies_and_their_types() -> None:
    """JSON, form, text and bytes become bytes with the content type that goes with them."""
    assert Request("POST", "/", json={"a": "\ud800ü"}).content() == (
        b'{"a":"\\ud800\\u00fc"}',
        "application/json",
    )
    assert Request("POST", "/", json=None).content() == (b"null", "application/json")
    assert Request("POST", "/", form={"a": "b c"}).content()[0] == b"a=b%20c"
    assert Request("POST", "/", body="ü").content()[0] == "ü".encode()
    assert Request("POST", "/", body=b"\0").content() == (b"\0", "application/octet-stream")
    assert Request("GET", "/").content() == (None, None)


def test_a_response_reads_its_body() -> None:
    """A response gives its body as text and as JSON, and None where it is no JSON."""
    assert Response(200, {}, b'{"a":1}').json == {"a": 1}
    assert Response(200, {}, b"<html>").json is None
    assert Response(200, {}, b"[" * 100_000).json is None
    assert Response(200, {}, b"\xff").text == "�"
    assert [Response(status).ok for status in (199, 200, 299, 300)] == [False, True, True, False]
