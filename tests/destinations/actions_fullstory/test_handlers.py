"""Each handler turns fields into one request, as a plain function."""

from __future__ import annotations

from typing import Any

import pytest
from actions_fullstory import handlers
from actions_fullstory.events import event_time
from hypothesis import given
from hypothesis import strategies as st

from actions_core import ActionsError, PayloadError, Request, format_time, read_time
from actions_core.destination.context import Context, Scope
from actions_core.engine.instances.compiling import filled_settings
from actions_core.values.types import MISSING

TRACK = {"trackEvent": handlers.track_event, "trackEventV2": handlers.track_event_v2}
IDENTIFY = {"identifyUser": handlers.identify_user, "identifyUserV2": handlers.identify_user_v2}


def context(event: dict[str, Any] | None = None, **settings: Any) -> Context:
    """A context of an instance with these settings beside its key."""
    scope = Scope("fullstory", settings={"apiKey": "na1.key", **settings}, key_suffix="s1")
    return Context(scope, event or {"messageId": "m-1"})


def track_v2(**fields: Any) -> Any:
    """The body of a V2 event."""
    return handlers.track_event_v2(**{"name": "x", "context": context(), **fields}).json


def problems(error: pytest.ExceptionInfo[PayloadError]) -> list[str]:
    """The paths of what was refused."""
    return [problem.path for problem in error.value.problems]


def test_track_event() -> None:
    """v1 wraps the event; times go out in UTC, the source in the query."""
    request = handlers.track_event(
        user_id="a/b@c d",
        name="Signed Up",
        properties={"plan": "pro"},
        timestamp="2026-01-02T03:04:05+02:00",
        use_recent_session=True,
        session_url="https://app.fullstory.com/ui/ORG/session/1:2",
        context=context(),
    )
    assert request.method == "POST"
    assert request.url == "/users/v1/individual/a%2Fb%40c%20d/customevent?integration=segment"
    assert request.json == {
        "event": {
            "event_name": "Signed Up",
            "event_data": {"plan_str": "pro"},
            "timestamp": "2026-01-02T01:04:05.000Z",
            "use_recent_session": True,
            "session_url": "https://app.fullstory.com/ui/ORG/session/1:2",
        }
    }


def test_track_event_alone() -> None:
    """What is not there is left out, but for the event's data; a session that is not wanted too."""
    request = handlers.track_event(user_id="u1", name="x", use_recent_session=False, context=context())
    assert request.json == {"event": {"event_name": "x", "event_data": {}}}


def test_single_identification() -> None:
    """With the setting, v1 sends the session's address alone."""
    session = {"use_recent_session": True, "session_url": "s"}
    chosen = context(singleIdentification=True)
    event = handlers.track_event(user_id="u1", name="x", context=chosen, **session).json["event"]
    assert event == {"event_name": "x", "event_data": {}, "session_url": "s"}
    event = handlers.track_event(user_id="u1", name="x", context=chosen, use_recent_session=True).json[
        "event"
    ]
    assert event["use_recent_session"] is True


def test_identify_user() -> None:
    """v1 sends email and display name bare, beside the traits of the same names with their suffixes."""
    request = handlers.identify_user(
        user_id="u1",
        anonymous_id="a1",
        display_name="Jane",
        email="jane@example.com",
        traits={"email": "jane@example.com", "name": "Jane", "first-name": "J"},
        context=context(integrationSource="my app"),
    )
    assert request.url == "/users/v1/individual/u1/customvars?integration=my%20app"
    assert request.json == {
        "email_str": "jane@example.com",
        "name_str": "Jane",
        "firstName_str": "J",
        "segmentAnonymousId_str": "a1",
        "email": "jane@example.com",
        "displayName": "Jane",
    }


def test_fields_win_over_properties() -> None:
    """A trait with the name of a field gives way to it, with a warning."""
    known = context()
    traits = {"segmentAnonymousId": "x", "email": None}
    body = handlers.identify_user(
        user_id="u1", anonymous_id="a1", email="e@example.com", traits=traits, context=known
    ).json
    assert body == {"segmentAnonymousId_str": "a1", "email": "e@example.com"}
    assert [problem.path for problem in known.warnings] == ["$.anonymousId", "$.email"]


def test_identify_user_v2() -> None:
    """V2 keeps the traits apart from what FullStory knows of every user."""
    request = handlers.identify_user_v2(
        uid="a/b",
        anonymous_id="a1",
        display_name="Jane",
        email="jane@example.com",
        properties={"first-name": "J"},
        context=context(),
    )
    assert (request.method, request.url) == ("POST", "/v2/users")
    assert request.json == {
        "uid": "a/b",
        "display_name": "Jane",
        "email": "jane@example.com",
        "properties": {"firstname": "J", "segmentAnonymousId": "a1"},
    }
    assert handlers.identify_user_v2(context=context()).json == {"properties": {}}


def test_idempotency_keys() -> None:
    """The calls that create something carry the event's key, the same at every try; v1 calls carry none."""
    made = [
        handlers.identify_user_v2(context=context()),
        handlers.track_event_v2(name="x", context=context()),
    ]
    for request in made:
        assert request.headers == {"Idempotency-Key": context().idempotency_key}
    assert handlers.identify_user(user_id="u1", context=context()).headers == {}


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({}, {}),
        ({"user_id": "u1"}, {"user": {"uid": "u1"}}),
        ({"user_id": "u1", "use_recent_session": False}, {"user": {"uid": "u1"}}),
        (
            {"user_id": "u1", "use_recent_session": True},
            {"user": {"uid": "u1"}, "session": {"use_most_recent": True}},
        ),
        ({"user_id": "u1", "session_url": "1:2"}, {"session": {"id": "1:2"}}),
        ({"user_id": "u1", "session_url": "1:2", "use_recent_session": True}, {"session": {"id": "1:2"}}),
        ({"session_url": "https://x.test/session/1:2"}, {"session": {"id": "1:2"}}),
        ({"session_url": "https://x.test/session/1%3A2?at=a/b"}, {"session": {"id": "1:2"}}),
        ({"session_url": "https://x.test/session/1%253A2/"}, {"session": {"id": "1%3A2"}}),
        ({"session_url": "1%3A2%"}, {"session": {"id": "1%3A2%"}}),
        ({"session_url": "1%3A%ff"}, {"session": {"id": "1%3A%ff"}}),
    ],
)
def test_identification(fields: dict[str, Any], body: dict[str, Any]) -> None:
    """A V2 event goes with one form of identification: a session alone, or a user, or nobody."""
    assert track_v2(**fields) == {"name": "x", "properties": {}, **body}


@pytest.mark.parametrize(
    ("timestamp", "sent"),
    [
        ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05.678+02:00", "2026-01-02T01:04:05.678Z"),
        ("2026-01-02", "2026-01-02T00:00:00.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2016-12-31T23:59:60.500Z", "2017-01-01T00:00:00.500Z"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z"),
        ("1700000000000", "2023-11-14T22:13:20.000Z"),
        ("2026-13-02T03:04:05.678Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times(timestamp: Any, sent: str | None) -> None:
    """Times go out in UTC with milliseconds; what cannot be read is left out."""
    assert track_v2(timestamp=timestamp).get("timestamp") == sent


ISO_TIMES = st.builds(
    "{}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from(["0000", "0001", "2016", "9999"]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from("Tt "),
    st.integers(0, 24),
    st.integers(0, 60),
    st.sampled_from([0, 59, 60, 61]),
    st.sampled_from(["", ".5", ".678", ",678", ".678901", ".67a"]),
    st.sampled_from(["Z", "z", "", "+02:00", "-0330"]),
)


@given(ISO_TIMES)
def test_a_time_goes_out_as_the_core_reads_it(text: str) -> None:
    """Also one of the usual form, for which there is a shorter way."""
    try:
        moment = format_time(read_time(text))
    except ActionsError:
        moment = None
    assert event_time(text) == moment


def test_context_of_the_event() -> None:
    """With the setting, V2 events tell the page, the app, the device, the location and the address."""
    event = {
        "messageId": "m-1",
        "context": {
            "page": {"url": "https://x.test/a", "referrer": "https://y.test/", "path": "/a"},
            "userAgent": "Browser/1.0",
            "app": {"namespace": "com.example", "name": "Example", "version": "1.2"},
            "device": {"manufacturer": "Maker", "model": "M1", "id": "d1"},
            "screen": {"width": 320, "height": 568.5},
            "location": {"country": "FR", "city": "", "latitude": 48, "longitude": True},
            "ip": "192.0.2.1",
        },
    }
    known = {
        "browser": {
            "url": "https://x.test/a",
            "initial_referrer": "https://y.test/",
            "user_agent": "Browser/1.0",
        },
        "mobile": {"app_id": "com.example", "app_name": "Example", "app_version": "1.2"},
        "device": {"manufacturer": "Maker", "model": "M1", "screen_width": 320},
        "location": {"country": "FR", "latitude": 48, "ip_address": "192.0.2.1"},
    }
    assert track_v2(context=context(event, sendContext=True))["context"] == known
    assert "context" not in track_v2(context=context(event))
    for nothing in ({}, {"context": None}, {"context": {"page": [], "device": "x"}}):
        assert "context" not in track_v2(context=context(nothing, sendContext=True))


@pytest.mark.parametrize("action", TRACK)
def test_refused_events(action: str) -> None:
    """All that FullStory would refuse in an event is refused at once, before any call."""
    with pytest.raises(PayloadError) as error:
        TRACK[action](name="", user_id="u" * 257, context=context())
    assert sorted(problems(error)) == ["$.name", "$.userId"]


@pytest.mark.parametrize("action", IDENTIFY)
def test_refused_users(action: str) -> None:
    """All that FullStory would refuse in a user is refused at once; what is just within its limits is not."""
    uid = "uid" if action == "identifyUserV2" else "user_id"
    within = {uid: "u" * 256, "display_name": "n" * 256, "email": "e" * 128}
    assert IDENTIFY[action](context=context(), **within).json
    with pytest.raises(PayloadError) as error:
        IDENTIFY[action](context=context(), **{name: value + "x" for name, value in within.items()})
    path = "$.uid" if action == "identifyUserV2" else "$.userId"
    assert sorted(problems(error)) == sorted([path, "$.displayName", "$.email"])


@pytest.mark.parametrize("uid", [".", "..", "", "\ud800"])
def test_uids_that_no_path_holds(uid: str) -> None:
    """v1 refuses a uid that would change the path, and one that no URL can hold."""
    for call in (
        lambda: handlers.track_event(user_id=uid, name="x", context=context()),
        lambda: handlers.identify_user(user_id=uid, context=context()),
    ):
        with pytest.raises(PayloadError) as error:
            call()
        assert problems(error) == ["$.userId"]


@pytest.mark.parametrize("uid", ["...", "a..", ".a", "-_.!~*'()", "ü", "%2F", "\U0001f600"])
def test_uids_in_paths(uid: str) -> None:
    """Any other uid is encoded as encodeURIComponent does."""
    expected = {"ü": "%C3%BC", "%2F": "%252F", "\U0001f600": "%F0%9F%98%80"}.get(uid, uid)
    url = handlers.identify_user(user_id=uid, context=context()).url
    assert url == f"/users/v1/individual/{expected}/customvars?integration=segment"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"use_recent_session": True}, "$.useRecentSession"),
        ({"session_url": "https://x.test/?a=1/2"}, "$.sessionUrl"),
        ({"session_url": "https://x.test", "user_id": "u1"}, "$.sessionUrl"),
        ({"session_url": "?a"}, "$.sessionUrl"),
        ({"user_id": "u" * 257}, "$.userId"),
    ],
)
def test_refused_identification(fields: dict[str, Any], path: str) -> None:
    """The latest session needs a user, and a session's address an id."""
    with pytest.raises(PayloadError) as error:
        track_v2(**fields)
    assert problems(error) == [path]


def test_warnings_of_properties() -> None:
    """What FullStory will not keep is warned of at the path of the field, and sent."""
    known = context()
    body = handlers.track_event_v2(
        name="x", user_id="u1", properties={"1st": 1, "a.b": 1, "ab": 2, "日": 1}, context=known
    ).json
    assert body["properties"] == {"1st": 1, "ab": 2}
    assert [problem.path for problem in known.warnings] == [
        "$.properties.1st",
        "$.properties.ab",
        "$.properties.日",
    ]


def prepared(request: Request | None = None, **settings: Any) -> Request:
    """A request as it goes out."""
    handler = handlers.destination.prepare_handler
    assert handler is not None
    filled = filled_settings({"apiKey": "na1.key", **settings}, handlers.destination.spec.settings)
    known = Context(Scope("fullstory", settings=filled), {})
    out = handler.call({}, known, None, request or Request("GET", "/me"))
    assert isinstance(out, Request)
    return out


def test_prepare() -> None:
    """Every request carries the key as it stands and the name of the source, and goes to the base URL."""
    assert prepared().url == "https://api.fullstory.com/me"
    assert prepared().headers == {"Authorization": "Basic na1.key", "Integration-Source": "segment"}
    request = prepared(baseUrl="https://api.eu1.fullstory.com/", integrationSource="mine")
    assert request.url == "https://api.eu1.fullstory.com/me"
    assert request.headers["Integration-Source"] == "mine"
    assert prepared(baseUrl="", integrationSource=None) == prepared()


def test_only_the_settings_choose_the_host() -> None:
    """An instance may reach any address that its settings name: a proxy, or a stand-in on loopback."""
    assert not handlers.destination.spec.public_addresses_only


def test_deletion() -> None:
    """A user is deleted by uid, encoded; without one there is nothing to delete."""
    request = handlers.delete_user("a/b@c .")
    assert (request.method, request.url) == ("DELETE", "/v2/users?uid=a%2Fb%40c%20.")
    assert request.json is MISSING
    for nothing in (None, ""):
        with pytest.raises(PayloadError, match=r"User Id is required for user deletion\."):
            handlers.delete_user(nothing)
    with pytest.raises(PayloadError):
        handlers.delete_user("\ud800")


texts = (
    st.none()
    | st.text(max_size=5)
    | st.sampled_from([".", "..", "\ud800", "a/b?c", "x" * 300, "1%3A2", "%zz"])
)
times = (
    st.none() | st.text(max_size=5) | st.integers() | st.floats() | st.sampled_from(["2026-01-02", "1e400"])
)
objects = st.none() | st.dictionaries(
    st.text(max_size=4), st.none() | st.lists(st.integers() | st.text()), max_size=3
)


@given(texts, texts, texts, objects, times, st.none() | st.booleans())
def test_any_fields(
    one: str | None, two: str | None, three: str | None, known: Any, time: Any, recent: Any
) -> None:
    """Whatever the fields hold, a request comes out that can be written, or a `PayloadError`."""
    event = {"name": two or "", "properties": known, "timestamp": time, "use_recent_session": recent}
    user = {"email": two, "display_name": three, "anonymous_id": one}
    calls = [
        lambda: handlers.track_event(user_id=one or "", session_url=three, context=context(), **event),
        lambda: handlers.track_event_v2(user_id=one, session_url=three, context=context(), **event),
        lambda: handlers.identify_user(user_id=one or "", traits=known, context=context(), **user),
        lambda: handlers.identify_user_v2(uid=one, properties=known, context=context(), **user),
    ]
    for call in calls:
        try:
            request = prepared(call())
        except PayloadError:
            continue
        assert request.content()[0]
        assert request.url.isascii()
