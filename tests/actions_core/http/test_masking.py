"""No secret gets into what people see."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.errors import ActionsError, Problem
from actions_core.http.errors import ResponseError
from actions_core.http.masking import Mask, texts
from actions_core.http.requests import Request, Response
from tests.timing import takes_at_most

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = 'na1.s3/cr+t "x"'

#: How programs write a text down: what of it gets into messages, echoes and logs.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "url": lambda text: quote(text, safe=""),
    "url, lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "path": quote,
    "form": quote_plus,
    "every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "json": lambda text: json.dumps(text)[1:-1],
    "json, as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json, slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json, upper case": lambda text: "".join(
        f"\\u{int.from_bytes(text.encode('utf-16-be')[at : at + 2], 'big'):04X}"
        for at in range(0, len(text.encode("utf-16-be")), 2)
    ),
    "json in json": lambda text: json.dumps(json.dumps(json.dumps({"k": text}))),
    "json in a form": lambda text: urlencode({"body": json.dumps({"k": text})}),
    "url in json": lambda text: json.dumps({"url": f"https://x.test/?k={quote(text, safe='')}"}),
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda text: repr(text.encode()),
    "html": html.escape,
    "html, numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "html, hex": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a url": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hex": lambda text: text.encode().hex(),
    "hex, upper case": lambda text: text.encode().hex().upper(),
}
SECRETS = [
    SECRET,
    "a/key+x==",
    "na1.c2VjcmV0K2tleQ.4f",
    "p\\new 100%41%%",
    "Zürich/é+😀&<x>'\"",
    "line\nbreak\ttab",
    "C:\\\\temp\\x",
]


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


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_however_it_is_spelled(secret: str, spelling: str) -> None:
    """Whatever programs make of a text when they write it down, the secret in it is gone."""
    spelled = SPELLINGS[spelling](secret)
    text = f"before {spelled} after"
    masked = Mask([secret]).text(text)
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    left = masked.removeprefix("before ").removesuffix(" after")
    assert "***" in left
    if "base64" not in spelling:  # there the border shares a character with what stands around it
        assert left.replace("***", "") in SPELLINGS[spelling]("") or left in SPELLINGS[spelling]("***")


#: What can be read without knowing that it is a spelling.
READ = [name for name in sorted(SPELLINGS) if "base64" not in name and "hex" not in name]
SHARED = st.text(min_size=8, max_size=30).filter(lambda text: len(set(text)) > 5 and "*" not in text)


@given(SHARED, st.sampled_from(sorted(SPELLINGS)), st.sampled_from(READ))
def test_any_secret_is_masked_in_any_spelling_of_a_spelling(secret: str, one: str, other: str) -> None:
    """Spellings of spellings are read as well, of whatever characters the secret is made."""
    secret = spelled = secret.encode("utf-8", "replace").decode()
    for way in (one, other):
        spelled = SPELLINGS[way](spelled)
    assert "***" in Mask([secret]).text(spelled)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_masked_inside_of_base64(before: str, encode: Callable[[bytes], bytes]) -> None:
    """In either alphabet and at each of the three alignments, with anything before and behind it."""
    secret = "?>?~ÿþ-key-0123456789"
    masked = Mask([secret]).text(encode(f"{before}{secret}:more".encode()).decode())
    assert "***" in masked
    assert len(masked) <= len(encode(f"{before}:more".encode())) + 6


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("the body was: na1.c2Vjcm", "the body was: ***"),
        ("the body was: na1.c2Vjcm...", "the body was: ***..."),
        ("the body was 'na1.c2Vjcm…'", "the body was '***…'"),
        ("2VjcmV0K2tleQ.4f, it said", "***, it said"),
        ("K2tleQ.4f, it said", "***, it said"),
        ("it ended with na1.", "it ended with ***"),
        ("cut at na1.c2VjcmV0K2 and more behind it", "cut at *** and more behind it"),
        ("cut before V0K2tleQ.4f and more behind it", "cut before *** and more behind it"),
        ("?key=na1%2Ec2Vjcm%2", "?key=***%2"),
        ("nothing of it: na2.c2Vjcm", "nothing of it: na2.c2Vjcm"),
    ],
)
def test_what_is_left_of_a_secret_at_a_cut_is_masked(text: str, masked: str) -> None:
    """A text that was cut inside of a secret shows neither its beginning nor its end."""
    assert Mask(["na1.c2VjcmV0K2tleQ.4f"]).text(text) == masked


def test_words_are_no_fragments() -> None:
    """What a sentence ends with may be what a secret begins with: letters alone are none of it."""
    assert Mask(["test-key-0123456789"]).text("this is a test") == "this is a test"


def test_a_number_is_a_secret_too() -> None:
    """A number from the environment is masked as a number, and in whatever spelling a field gives it."""
    mask = Mask(["0012345", "1e6"])
    assert mask.value({"a": 12345, "b": [12345.0, 1000000], "c": True, "d": 7}) == {
        "a": "***",
        "b": ["***", "***"],
        "c": True,
        "d": 7,
    }
    assert mask.text('{"a":12345}') == '{"a":***}'


def test_switches_are_no_secrets() -> None:
    """Masking what is true or false would leave nobody anything to read."""
    assert Mask(["true", "null"]).text('{"a":true,"b":null}') == '{"a":true,"b":null}'


def test_every_text_of_a_setting_is_found() -> None:
    """Passwords may be lists and objects, with numbers among them."""
    assert sorted(texts({"a": ["x", {"b": "y"}], "c": 42.0, "d": None, "e": True})) == ["42", "x", "y"]


@pytest.mark.parametrize("depth", [900, 100_000])
def test_what_is_nested_deeply_is_masked(depth: int) -> None:
    """A value may be as deep as anybody can make it, and may contain itself."""
    value: Any = SECRET
    for _ in range(depth):
        value = [value]
    masked: Any = Mask([SECRET]).value(value)
    for _ in range(depth):
        (masked,) = masked
    assert masked == "***"
    circle: dict[str, Any] = {"k": SECRET}
    circle["self"] = circle
    shown: Any = Mask([SECRET]).value(circle)
    assert shown["self"]["self"]["k"] == "***"
    assert circle["k"] == SECRET


def test_an_error_takes_no_secret_along() -> None:
    """Not in its words, code, problems, response, other attributes, causes, nor in its frames."""
    key = "na1.c2VjcmV0K2tleQ.4f"

    def fail() -> None:
        settings = {"apiKey": key}
        try:
            raise KeyError(settings["apiKey"])  # noqa: TRY301 - its frame is what is tested
        except KeyError as error:
            problems = [Problem(f"$.{key}", f"wrong: {key}")]
            failed = ActionsError(f"no {key}", code=f"CODE_{key}", problems=problems)
            failed.detail = [key, {"k": key}]  # type: ignore[attr-defined]  # as a host might
            raise failed from error

    with pytest.raises(ActionsError) as caught:
        fail()
    error = Mask([key]).error(caught.value)
    assert (error.message, error.code, error.args) == ("no ***", "CODE_***", ("no ***",))
    assert error.problems == (Problem("$.***", "wrong: ***"),)
    assert vars(error)["detail"] == ["***", {"k": "***"}]
    assert (error.__cause__, error.__context__, error.__traceback__) == (None, None, None)
    request = Request("GET", f"https://x.test/{key}", headers={"X-Api-Key": key})
    refused = Mask([key]).error(ResponseError(request, Response(400, {}, key.encode()), hint=key))
    assert key not in str(refused) + str(vars(vars(refused)["request"]))


WORST = {
    "one letter": "a" * 32_768,
    "nearly": ("a" * 499 + "c") * 65,
    "backslashes": "\\" * 32_768,
    "percents": "%25" * 10_922,
    "percents in percents": "%" + "25" * 16_383,
    "entities": "&amp;" * 6_553,
    "escapes": "\\u0061" * 5_461,
    "letters": "é" * 32_768,
    "blanks": "+" * 32_768,
    "no escapes": ("\\" * 100 + "u") * 324,
}


@pytest.mark.parametrize("name", WORST)
def test_masking_takes_time_in_proportion_to_the_text(name: str) -> None:
    """The worst text of 32 KB, with secrets that are made for it, is masked within 0.1 s."""
    mask = Mask(["a" * 500 + "b", "\\" * 40 + "x", "%25" * 30 + "z", "a/key+x=="])
    with takes_at_most(0.3):
        for _ in range(3):
            mask.text(WORST[name])


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


@pytest.mark.parametrize("secrets", [[], [SECRET]], ids=["no secrets", "one"])
def test_what_is_no_secret_stays(secrets: list[str]) -> None:
    """A masked request without any secret in it says what the request says, whichever body it has."""
    bare = Request("POST", "https://x.test/a?b=c", headers={"Accept": "*/*"}, params={"k": ["v", 1]})
    bodies: list[dict[str, Any]] = [
        {"json": {"a": [1, None, "x"], "b": {}}},
        {"json": None},
        {"form": {"f": True}},
        {"body": b"\xff\x00"},
        {"body": "text"},
        {},
    ]
    for body in bodies:
        request = bare.evolve(**body)
        assert Mask(secrets).request(request) == request


@pytest.mark.parametrize(("body", "masked"), [("a geheim b", "a *** b"), (b"\xff geheim", b"\xff ***")])
def test_a_body_stays_of_its_kind(body: str | bytes, masked: str | bytes) -> None:
    """Masked text is text and masked bytes are bytes, in requests and among the parts of errors."""
    mask = Mask(["geheim"])
    assert mask.request(Request("POST", "/", body=body)).body == masked
    error = ActionsError("no")
    error.detail = (body, [body if isinstance(body, str) else ""])  # type: ignore[attr-defined]  # as a host
    mask.error(error)
    assert vars(error)["detail"] == (masked, [masked if isinstance(masked, str) else ""])


def test_credentials_without_a_scheme_are_masked_whole() -> None:
    """Only the word of a known scheme is left of a header that carries credentials."""
    assert Mask([]).headers({"authorization": "geheim ja"}) == {"authorization": "***"}


def test_an_echoed_body_is_masked() -> None:
    """A destination that echoes the secret does not bring it into a response that is shown."""
    response = Response(400, {"set-cookie": "a=b"}, f'{{"bad key": "{quote(SECRET)}", "k": "abc"}}'.encode())
    masked = Mask([SECRET, "abc"]).response(response)
    assert "abc" not in masked.text
    assert masked.headers == {"set-cookie": "***"}


@pytest.mark.parametrize("secrets", [[], [SECRET]], ids=["no secrets", "one"])
def test_a_response_is_masked_like_a_request(secrets: list[str]) -> None:
    """What a header is there to keep is a secret whatever the settings are; bytes that are no text stay."""
    response = Response(200, {"set-cookie": "session=1", "server": "x"}, b"\xff\x00\xc3", "cut")
    masked = Mask(secrets).response(response)
    assert masked == Response(200, {"set-cookie": "***", "server": "x"}, b"\xff\x00\xc3", "cut")
    assert response.headers["set-cookie"] == "session=1"


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
        ("to .at ta. it", "to .at ta. it"),
        ('{"key":"t"}', '{"key":"***"}'),
        ("https://x.test/t/?a=t", "https://x.test/***/?a=***"),
        ("t", "***"),
    ],
)
def test_a_very_short_secret_is_masked_as_a_word(text: str, masked: str) -> None:
    """Letters inside of words are no secret; where they stand alone they are masked."""
    assert Mask(["t"]).text(text) == masked


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("abc", "xabcx abc", "xabcx ***"),
        ("abcd", "xabcdx", "x***x"),
        ("ab3de", "it is ab3", "it is ab3"),
        ("ab3de", "it is ab3d", "it is ***"),
        ("abcdefghi", "it is abcdefg", "it is abcdefg"),
        ("abcdefghi", "it is abcdefgh", "it is ***"),
        ("0123456789abcde", "x 01234567 y 789abcde z", "x 01234567 y 789abcde z"),
        ("0123456789abcdef", "x 01234567 y 89abcdef z", "x *** y *** z"),
        ("0123456789abcdefg", "x 01234567 y 9abcdefg z", "x 01234567 y 9abcdefg z"),
        ("0123456789abcdefg", "x 012345678 y 89abcdefg z", "x *** y *** z"),
        ("k3y-0", "dXNlcjprM3ktMDp4", "dXNlcjprM3ktMDp4"),
        ("k3y-0a", "dXNlcjprM3ktMGE6eA==", "dXNlcjp***E6eA=="),
        ("k3y-0", "6b33792d30", "6b33792d30"),
        ("k3y-0a", "6b33792d3061", "***"),
    ],
)
def test_from_how_many_characters_on_a_part_is_a_secret(secret: str, text: str, masked: str) -> None:
    """Within words, at a cut, cut in the middle, inside of Base64 and in hexadecimal digits."""
    assert Mask([secret]).text(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("&#x110000; secret-key", "&#x110000; ***"),
        ("&#1114112;secret-key", "&#1114112;***"),
        ("\\u{110000}secret-key", "\\u{110000}***"),
        ("&nosuch;secret-key", "&nosuch;***"),
        ("it is &#x10FFFF;-key", "it is ***"),
        ("it is &#1114111;-key", "it is ***"),
        ("it is \\u{10ffff}-key", "it is ***"),
        ("it is \\U0010FFFF-key", "it is ***"),
    ],
)
def test_a_spelling_of_no_character_stays(text: str, masked: str) -> None:
    """A number beyond the last character, or a name that HTML does not know, hides no secret beside it."""
    assert Mask(["secret-key", "\U0010ffff-key"]).text(text) == masked


def test_no_more_than_five_levels_are_read() -> None:
    """What is spelled more often than anybody writes it would take time without end."""
    text = "a/b c%d"
    for _ in range(5):
        text = quote(text, safe="")
    assert Mask(["a/b c%d"]).text(text) == text


@pytest.mark.parametrize("depth", range(5))
def test_a_spelling_may_be_spelled_again_four_times(depth: int) -> None:
    """As for JSON in JSON in a form in a URL."""
    text = "a/b c%d"
    for _ in range(depth):
        text = quote(text, safe="")
    assert Mask(["a/b c%d"]).text(f"it is {text}!") == "it is ***!"


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("0123456789abcdef", "89abcdef x 89abcdef y", "*** x *** y"),
        ("0123456789abcdef", "x 6789abcdef y", "x *** y"),
        ("0123456789abcdef", "789abcdef 6", "*** 6"),
        ("0123456789abcdef", "x 01234567", "x ***"),
        ("na1.c2VjcmV0K2tleQ.4f", "na1.c2Vjc", "***"),
        ("na1.c2VjcmV0K2tleQ.4f", "Q.4f, it said", "***, it said"),
        ("aaaab-123456789", "x aaaaab-12", "x a***"),
        ("123456789-baaaa", "89-baaaaa x", "***a x"),
        ("abcd", "abcdabcd", "***"),
        ("\u65e5\u672c", "\u65e5\u672c", "***"),
        ("abc\xc3", "x abc\xe9 y", "x *** y"),
        *[
            ("secret-key", f"{char} secret-key x", f"{char} *** x")
            for char in ("\x7f\x80", "\u07ff", "\u0800", "\uffff", "\U00010000")
        ],
        ("ab cd ef", "x ab+cd+ef y", "x *** y"),
        ("k3y-0ab", base64.b64encode(b"abck3y-0abxyz").decode(), "YWJj***nh5eg=="),
        ("abcdefgh-1111", "11111 x", "***1 x"),
        ("\xff-key-value", ascii("\xff-key-value"), "'***'"),
        ("\xe9\xad-key-v", repr("\xe9\xad-key-v"), "'***'"),
        ('\xe9"-key-0', base64.b64encode('{"\xe9\\"-key-0"}'.encode()).decode(), "eyL***In0="),
        ('\xe9"-key-0', base64.b64encode(b'\\u00e9\\"-key-0').decode(), "***="),
        ('\xe9"-key-0', base64.b64encode('\xe9\\"-key-0'.encode()).decode(), "***=="),
    ],
)
def test_a_secret_is_masked_wherever_it_stands(secret: str, text: str, masked: str) -> None:
    """At the very beginning and end, twice, beside itself, inside of a character and of others' bytes."""
    assert Mask([secret]).text(text) == masked
