"""No secret gets into what people see."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from actions_core.http.masking import Mask
from actions_core.http.requests import Request, Response

SECRET = 'na1.s3/cr+t "x"'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_form(form: str) -> None:
    """A secret is masked as it stands, percent-encoded, in JSON and in Base64."""
    assert Mask([SECRET]).text(f"before {form} after") == "before *** after"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "abcd"])
def test_a_secret_is_masked_in_basic_authentication(user: str) -> None:
    """A destination that echoes a whole basic authentication shows none of its password's characters."""
    password = "correct horse"
    header = Request("GET", "/").with_basic_auth(user, password).headers["Authorization"]
    masked = Mask([password]).text(f"you sent {header}!")
    assert masked.startswith("you sent Basic ")
    assert "***" in masked
    left = masked.removeprefix("you sent Basic ").partition("***")
    assert len(left[0]) <= len(base64.b64encode(user.encode())) + 2
    assert len(left[2].rstrip("=!")) <= 1


def test_a_short_secret_masks_no_ordinary_text() -> None:
    """What a short secret would look like inside of Base64 is too short to tell it from other text."""
    assert Mask(["ab"]).text("YW JhY 1234 Fi") == "YW JhY 1234 Fi"


def test_a_request_shows_no_secret_anywhere() -> None:
    """URL, headers, params, JSON, form and body of a masked request hold no secret."""
    request = Request(
        "POST",
        f"https://x.test/{quote(SECRET, safe='')}?key={quote(SECRET, safe='')}",
        headers={"Authorization": f"Basic {SECRET}", "X-Api-Key": "other", "Accept": SECRET},
        params={"k": SECRET},
        json={"deep": [{SECRET: SECRET}]},
        form={"f": SECRET},
        body=SECRET.encode(),
    )
    masked = Mask([SECRET]).request(request)
    shown = f"{masked.url} {masked.headers} {masked.params} {masked.json} {masked.form} {masked.body!r}"
    assert "s3" not in shown
    assert masked.headers["Authorization"] == "Basic ***"
    assert masked.headers["X-Api-Key"] == "***"
    assert masked.json == {"deep": [{"***": "***"}]}
    assert request.json == {"deep": [{SECRET: SECRET}]}


def test_credentials_without_a_scheme_are_masked_whole() -> None:
    """Only the word of a known scheme is left of a header that carries credentials."""
    assert Mask([]).headers({"authorization": "geheim ja"}) == {"authorization": "***"}


def test_an_echoed_body_is_masked() -> None:
    """A destination that echoes the secret does not bring it into a response that is shown."""
    response = Response(400, {"set-cookie": "a=b"}, f'{{"bad key": "{quote(SECRET)}", "k": "abc"}}'.encode())
    masked = Mask([SECRET, "abc"]).response(response)
    assert "abc" not in masked.text
    assert masked.headers == {"set-cookie": "***"}


def test_reprs_show_neither_query_nor_body_nor_headers() -> None:
    """The repr of a request and of a response holds nothing that may be secret."""
    request = Request("GET", "https://x.test/a?k=secret", headers={"a": "secret"}, json="secret")
    assert repr(request) == "<Request GET https://x.test/a>"
    assert repr(Response(200, {"a": "secret"}, b"secret")) == "<Response 200>"


def test_name_and_password_in_a_url_are_never_shown() -> None:
    """They are secrets also where no setting says so; an @ elsewhere stays."""
    request = Request("GET", "https://me:geheim@x.test/a@b?c=d@e")
    assert Mask([]).request(request).url == "https://***@x.test/a@b?c=d@e"
    assert repr(request) == "<Request GET https://x.test/a@b>"
    assert Mask([]).request(Request("GET", "/a@b")).url == "/a@b"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("the total", "the total"),
        ('{"key":"t"}', '{"key":"***"}'),
        ("https://x.test/t/?a=t", "https://x.test/***/?a=***"),
        ("t", "***"),
    ],
)
def test_a_very_short_secret_is_masked_as_a_word(text: str, masked: str) -> None:
    """Letters inside of words are no secret; where they stand alone they are masked."""
    assert Mask(["t"]).text(text) == masked
