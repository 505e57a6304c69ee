"""Requests as handlers make them and as a transport gets them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.errors import ActionsError, PayloadError, RequestError, SettingsError
from actions_core.http.requests import Request, RequestBase, Response
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable


class Medal(str, Enum):  # noqa: UP042 - the older form, whose str() is its name
    """A string with a name."""

    GOLD = "gold"


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
        ("https://x.test/a", {"q": True}, "https://x.test/a?q=true"),
        (
            "https://x.test/a",
            {"t": 42.0, "e": 1e21, "o": {"a": 1}},
            "https://x.test/a?t=42&e=1e%2B21&o=%5Bobject%20Object%5D",
        ),
        (
            "https://x.test/a",
            {"l": [{"a": 1}, [1.0, None, "b"], True]},
            "https://x.test/a?l=%5Bobject%20Object%5D&l=1%2C%2Cb&l=true",
        ),
        ("https://x.test/a", {"m": Medal.GOLD, "b": b"\xc3\xbc"}, "https://x.test/a?m=gold&b=%C3%BC"),
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


@pytest.mark.parametrize("name", ["X Y", "", " X", "X ", "a:b", "a\r\nb", "ä", "(a)", "a/b", "a\tb", "\0", 7])
def test_the_name_of_a_header_is_a_token(name: Any) -> None:
    """A name that RFC 9110 does not allow is an error of the payload, however it came there."""
    with pytest.raises(PayloadError) as caught:
        Request("POST", "https://x.test", headers={"X-Fine": "a", name: "z"}).complete()
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "name",
    [
        "Transfer-Encoding",
        "transfer-encoding",
        "TRANSFER-ENCODING",
        "Transfer-Encoding ",
        " Content-Length",
        "content-length",
        "Content_Length",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Host",
        "Expect",
        "Proxy-Connection",
    ],
)
def test_headers_of_the_connection_are_refused(name: str) -> None:
    """What says where a message ends, or whom it is for, is no event's to say, however it is spelled."""
    with pytest.raises(PayloadError):
        Request("POST", "https://x.test", headers={name: "chunked"}, json=1).complete()


@pytest.mark.parametrize(
    "part",
    [
        "bob#x",
        "#",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\0b",
        "a\x7f",
        "a\\b",
        "..",
        ".",
        "../admin",
        "a/../b",
        "%2e%2E",
        ".%2e/x",
        "..;/x",
        "100%",
        "%zz",
        "%4",
        "\ud800",
        "a/./b",
    ],
)
def test_what_would_not_arrive_in_a_url_is_refused(part: str) -> None:
    """Nothing of a URL is dropped or read as another one: it is refused, and the error says to quote."""
    with pytest.raises(RequestError) as caught:
        Request("DELETE", f"https://x.test/people/{part}").complete()
    assert (caught.value.code, caught.value.retryable) == ("REQUEST_INVALID", False)


@pytest.mark.parametrize("part", ["bob#x", "a\nb", "a\\b", "../admin", "100%", "ü ö", "a/b?c&d", '"<>^`{|}'])
def test_what_is_quoted_arrives(part: str) -> None:
    """What a handler quotes goes out as it quoted it."""
    url = f"https://x.test/people/{quote(part, safe='')}?q={quote(part, safe='')}"
    assert Request("DELETE", url).complete().url == url


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://x.test/a b/ü?q=a b|c", "https://x.test/a%20b/%C3%BC?q=a%20b%7Cc"),
        ("HTTPS://x.test/a", "https://x.test/a"),
        ("Http://x.test", "http://x.test"),
        ("https://x.test/a?b=../c&d=[1]", "https://x.test/a?b=../c&d=[1]"),
        ("https://x.test/.well-known/a..b/...", "https://x.test/.well-known/a..b/..."),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
    ],
)
def test_what_merely_needs_an_escape_gets_it(url: str, sent: str) -> None:
    """Blanks and letters beyond ASCII are escaped as browsers do it; the scheme has no case."""
    assert Request("GET", url).complete().url == sent
    assert Request("GET", url).with_base("https://base.test").url == url


def test_credentials_given_twice_are_an_error_of_the_setting() -> None:
    """A user in front of the host and a header Authorization exclude each other; no event is to blame."""
    request = Request("GET", "https://user:geheim@x.test/a")
    assert request.complete().url == request.url
    with pytest.raises(SettingsError) as caught:
        request.with_bearer("t").complete()
    assert "geheim" not in str(caught.value)


#: Hosts and ports at which no server can be found, and a part of what is said of them.
_IMPOSSIBLE_HOSTS = [
    ("", "has no host"),
    ("a@", "has no host"),
    (":80", "has no host"),
    ("x y", "no host may have"),
    ("x\\y", "backslash"),
    ("x.test%00", "no host may have"),
    ("%65x.test", "no host may have"),
    ("\ud800.test", "no host may have"),
    ("x.test:99999", "a port that cannot be"),
    ("x.test:65536", "a port that cannot be"),
    ("x.test:-1", "a port that cannot be"),
    ("x.test:http", "a port that cannot be"),
    ("x.test:80:80", "a port that cannot be"),
    ("x.test:" + "9" * 5000, "a port that cannot be"),
    ("[::1]:99999", "a port that cannot be"),
    ("[::1]x", "a port that cannot be"),
    ("[::1", "an address in brackets that is none"),
    ("[zz]", "an address in brackets that is none"),
    ("x..test", "1 to 63 characters"),
    (".test", "1 to 63 characters"),
    ("x" * 64 + ".test", "1 to 63 characters"),
    ("ü" * 64 + ".test", "1 to 63 characters"),
    ("x." * 130 + "test", "253 at most"),
]


@pytest.mark.parametrize(("host", "said"), _IMPOSSIBLE_HOSTS)
def test_a_url_has_a_host(host: str, said: str) -> None:
    """A URL whose host is missing, or whose host or port cannot be one, is refused before it is looked up."""
    with pytest.raises(RequestError, match=said) as refused:
        Request("POST", f"https://{host}/a", json=1).complete()
    assert (refused.value.code, refused.value.retryable) == ("REQUEST_INVALID", False)


@pytest.mark.parametrize(("host", "said"), [*_IMPOSSIBLE_HOSTS[1:], ("256.256.256.256", "is no address")])
def test_a_base_url_has_a_host(host: str, said: str) -> None:
    """The same of a base URL is a fault of the settings."""
    with pytest.raises(SettingsError, match=said):
        Request("POST", "/a", json=1).with_base(f"https://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "x.test",
        "x.test.",
        "x_y.test:65535",
        "x.test:",
        "1.2.3.4:80",
        "[::1]:080",
        "bücher.test",
        "xn--zz.test",
    ],
)
def test_hosts_that_may_be_there(host: str) -> None:
    """A host that merely may not exist is looked up, not refused."""
    assert (
        Request("GET", f"https://{host}/a").with_base(f"https://{host}").complete().url == f"https://{host}/a"
    )


@pytest.mark.parametrize("method", ["", "PO ST", "GET\r\n", "GÉT", "a/b", "\ud800", None, 5])
def test_a_method_is_a_token(method: Any) -> None:
    """A method that cannot stand in a request's first line is refused before anything is sent."""
    with pytest.raises(RequestError, match="the method of the request") as refused:
        Request(method, "https://x.test/").complete()
    assert refused.value.code == "REQUEST_INVALID"


@pytest.mark.parametrize("text", ["\ud800", "a\udc00b"])
def test_half_a_surrogate_pair_is_never_replaced(text: str) -> None:
    """What UTF-8 cannot say is refused in parameters, forms, bodies and credentials, not sent as a `?`."""
    request = Request("POST", "https://x.test/", params={"a": [text]}, form={text: 1})
    for write in (request.complete, request.content, Request("POST", "/", body=text).content):
        with pytest.raises(PayloadError, match="half a surrogate pair"):
            write()
    with pytest.raises(RequestError, match="half a surrogate pair"):
        request.with_basic_auth(text)


def test_headers_may_hold_other_text() -> None:
    """Tabs and text beyond ASCII are no reason to refuse a header."""
    assert Request("GET", "https://x.test", headers={"a": "ü\tb"}).complete()


@pytest.mark.parametrize(
    "value",
    [{1, 2}, 10**5000, datetime(2026, 1, 2, tzinfo=UTC), {(1, 2): 3}, b"a", {"\ud800": {1}}],
    ids=["set", "long", "time", "key", "bytes", "beside"],
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    """Sets, times and endless numbers in a body are a PayloadError."""
    with pytest.raises(PayloadError, match="JSON"):
        Request("POST", "https://x.test", json={"a": value}).content()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": "ü😀/\u2028\x7f\n"}, '{"a":"ü😀/\u2028\x7f\\n"}'),
        (["\ud800ü", 42.0, 1e22], '["\\ud800ü",42.0,1e+22]'),
        ([2**64, -(10**30), 1e-7, 2**63], f"[{2**64},{-(10**30)},1e-7,{2**63}]"),
        ([math.nan, math.inf, 2**64], f"[null,null,{2**64}]"),
        ([math.nan, -math.inf], "[null,null]"),
        ({1: "a", False: "b", None: "c", 2.0: "d"}, '{"1":"a","false":"b","null":"c","2":"d"}'),
        ((1, Medal.GOLD), '[1,"gold"]'),
        ((2**64, Medal.GOLD), f'[{2**64},"gold"]'),
    ],
)
def test_json_is_written_in_utf_8(value: Any, written: str) -> None:
    """A body is compact JSON in UTF-8, half a surrogate pair escaped, NaN null, whoever has to write it."""
    assert Request("POST", "/", json=value).content() == (written.encode(), "application/json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_both_writers_of_json_write_the_same(value: Any) -> None:
    """What orjson writes by itself is what it would be beside something that it does not write."""
    alone, beside = (Request("POST", "/", json=one).content()[0] for one in (value, [2**64, value]))
    assert beside == b"[%d,%b]" % (2**64, alone)


def test_what_is_nested_without_end_is_refused() -> None:
    """A list that contains itself is a PayloadError; one that is merely deep is written."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(PayloadError, match="JSON"):
        Request("POST", "/", json=circle).content()
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert Request("POST", "/", json=deep).content()[0] == b"[" * 300 + b"1" + b"]" * 300


def test_json_as_javascript_writes_it() -> None:
    """With `stringify` numbers are spelled as JSON.stringify does, for receivers that sign the body."""
    value = {"a": 42.0, "b": 1e21, "c": 1e-7, "d": math.nan, "e": "ü\ud800"}
    content = Request("POST", "/", json=value, stringify=True).content()
    assert content == ('{"a":42,"b":1e+21,"c":1e-7,"d":null,"e":"ü\\ud800"}'.encode(), "application/json")


def test_a_body_is_written_once() -> None:
    """What is signed is what goes out: requests that differ in URL and headers only share the bytes."""
    request = Request("POST", "https://x.test/a", json={"a": [1]})
    body = request.content()[0]
    later = (
        request.with_headers({"X-Signature": "s"})
        .with_base("https://y.test")
        .with_params({"q": 1})
        .complete()
    )
    assert later.content()[0] is body
    assert request.evolve(json=2).content()[0] == b"2"


def test_bodies_and_their_types() -> None:
    """JSON, form, text and bytes become bytes with the content type that goes with them."""
    assert Request("POST", "/", json=None).content() == (b"null", "application/json")
    assert Request("POST", "/", form={"a": "b c", "t": 42.0, "o": {"x": 1}}).content()[0] == (
        b"a=b%20c&t=42&o=%5Bobject%20Object%5D"
    )
    assert Request("POST", "/", body="ü").content()[0] == "ü".encode()
    assert Request("POST", "/", body=b"\0").content() == (b"\0", "application/octet-stream")
    assert Request("GET", "/").content() == (None, None)


class Colour(Enum):
    """A name for a value, as programs have it."""

    RED = "red"


def test_what_is_missing_stays_missing() -> None:
    """A missing key is left out of a body and a missing item is null, however the body is written."""
    value = {"a": MISSING, "b": [MISSING, 1], "c": {"d": MISSING}}
    for stringified in (False, True):
        body = Request("POST", "/", json=value, stringify=stringified).content()[0]
        assert body == b'{"b":[null,1],"c":{}}'


def test_what_python_alone_holds_is_never_sent_as_null() -> None:
    """A value of Python's own is refused in a body as `JSON.stringify` writes it; a tuple is a list."""
    for value in (datetime(2026, 1, 2, tzinfo=UTC), {1}, b"x", object(), {(1,): 1}):
        with pytest.raises(PayloadError, match="is not JSON"):
            Request("POST", "/", json={"a": value}, stringify=True).content()
    body = Request("POST", "/", json={"a": (1.0, "x"), 1.5: None}, stringify=True).content()[0]
    assert body == b'{"a":[1,"x"],"1.5":null}'


def test_parameters_spell_what_python_holds_as_events_do() -> None:
    """Enums, times and sets in a query or a form are spelled as in an event; what has no form is refused."""
    values = {
        "c": Colour.RED,
        "t": datetime(2026, 1, 2, tzinfo=UTC),
        "s": {2, 1},
        "l": [Colour.RED, None, Decimal("NaN")],
        "n": Decimal("NaN"),
    }
    written = "c=red&t=2026-01-02T00%3A00%3A00.000Z&s=1&s=2&l=red"
    assert Request("POST", "/", form=values).content()[0] == written.encode()
    assert Request("GET", "https://x.test/", params=values).complete().url == f"https://x.test/?{written}"
    with pytest.raises(PayloadError, match="Python object"):
        Request("POST", "/", form={"a": object()}).content()


@pytest.mark.parametrize(
    "base",
    [
        "x.test",
        "https:/x.test",
        "ftp://x.test",
        "https://x.test/a?b=c",
        "https://x.test#f",
        "https://x.test/..",
        "https://x.test/ ",
        "https://x.test/\n",
        "https://x.test\\y.test",
        "https://:80",
        "https://x.test:99999",
        "http://[::1",
        "https://x..test",
        f"https://{'x' * 64}.test",
    ],
)
def test_a_base_below_which_there_is_no_path_is_the_settings_fault(base: str) -> None:
    """A base URL with a query, a fragment, or no possible host is refused as a setting, unshown."""
    with pytest.raises(SettingsError, match="the base URL in the settings") as refused:
        Request("GET", "/v2/users").with_base(base)
    assert base not in str(refused.value)


paths = st.text("ab/.%?#= \\é", max_size=8) | st.sampled_from(
    ["/v2/events", "https://y.test/a", "/a?b=c", "//a"]
)
named = st.sampled_from(["A", "a", "x-key", "Host", "bad name", "", "é"])
valued = st.sampled_from(["v", "", "é", "a b", "a\nb", "\ud800"])
header_sets = st.dictionaries(named, valued, max_size=3)


@given(
    paths,
    header_sets,
    st.dictionaries(st.sampled_from(["A", "b", "x-key"]), valued, max_size=2),
    st.sampled_from(["https://x.test", "https://x.test/v1/", "http://[::1]:80", "https://u:p@x.test"]),
    st.none() | st.just({"q": "1"}),
)
def test_a_checked_base_does_what_the_two_steps_do(
    url: str, own: dict[str, str], shared: dict[str, str], base: str, params: dict[str, str] | None
) -> None:
    """A base that is checked once completes requests, or raises, as `with_base` and `complete` do."""

    def outcome(make: Callable[[], Request]) -> object:
        try:
            made = make()
        except ActionsError as error:
            return type(error), str(error)
        return made, dict(made.headers)

    request = Request("POST", url, headers=own, params=params, json={})
    expected = outcome(lambda: request.with_base(base, shared).complete())
    checked = RequestBase(base, shared)
    assert [outcome(lambda: checked.complete(request)) for _ in range(2)] == [expected, expected]


def test_a_response_reads_its_body() -> None:
    """A response gives its body as text and as JSON, and None where it is no JSON."""
    assert Response(200, {}, b'{"a":1}').json == {"a": 1}
    assert Response(200, {}, b"<html>").json is None
    assert Response(200, {}, b"[" * 100_000).json is None
    assert Response(200, {}, b"\xff").text == "�"
    assert [Response(status).ok for status in (199, 200, 299, 300)] == [False, True, True, False]
