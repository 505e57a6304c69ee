"""Names of v1's user properties are joined as lodash's camelCase joins words."""

from __future__ import annotations

import pytest
from actions_fullstory.lodash import camel_case
from hypothesis import given
from hypothesis import strategies as st

CASES = {
    "": "",
    "name": "name",
    "first-name": "firstName",
    "first name": "firstName",
    "first_name": "firstName",
    "is.active": "isActive",
    "zip:code": "zipCode",
    "Total Amount": "totalAmount",
    "  padded  ": "padded",
    "URL": "url",
    "HTTPServer": "httpServer",
    "fooBar": "fooBar",
    "FOO_BAR": "fooBar",
    "x1": "x1",
    "v2Beta": "v2Beta",
    "utm2ndSource": "utm2ndSource",
    "the1ST": "the1st",
    "my2ND_try": "my2ndTry",
    "11th": "11Th",
    "4th": "4th",
    "ünïcode": "unicode",
    "Straße": "strasse",
    "Ærø": "aero",
    "Œuvre": "oeuvre",
    "don't stop": "dontStop",
    "it\u2019s": "its",
    "e\u0301te\u0301": "ete",
    "\u00d7 times \u00f7": "times",
    "\u65e5\u672ca": "\u65e5\u672ca",
    "\U0001f600 fun": "\U0001f600Fun",
    "\u2764\ufe0f fun": "\u2764\ufe0fFun",
    "\U0001f1eb\U0001f1f7 fun": "\U0001f1eb\U0001f1f7Fun",
    "\U0001f44d\U0001f3fdup": "\U0001f44d\U0001f3fdUp",
    "\ud800half": "half",
}


@pytest.mark.parametrize(("text", "joined"), CASES.items(), ids=map(ascii, CASES))
def test_camel_case(text: str, joined: str) -> None:
    """Words begin at capitals, digits, signs and emoji; accents and apostrophes go."""
    assert camel_case(text) == joined


@given(st.text(st.one_of(st.sampled_from("aB1 _-.'é\u0130日\U0001f600\ufe0f"), st.characters()), max_size=20))
def test_any_text(text: str) -> None:
    """Whatever a name is made of, no ASCII sign is left but one that is joined to an emoji."""
    left = {letter for letter in camel_case(text) if letter.isascii() and not letter.isalnum()}
    assert not left or "\u200d" in text
