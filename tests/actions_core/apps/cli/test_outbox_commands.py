"""`actions outbox` and `actions dlq` where no worker runs; `test_worker` has them beside one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from actions_core.delivery.file import FileStore
from actions_core.delivery.store import Arrival, Burial, NewDelivery, Retry, Settlement, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Run, Shell

    Command = Callable[..., Run]

HOUR = 3600
START = 1_790_000_000.0


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@contextmanager
def opened(file: Path, clock: Clock | None = None) -> Iterator[FileStore]:
    """Open the outbox as a worker does."""
    store = FileStore.open(file, clock=clock)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def outbox(shell: Shell) -> Path:
    """An outbox with three dead letters an hour apart, and three deliveries that wait."""
    shell.write("w.json", {"outbox": "events.db", "destinations": []})
    file, clock = shell.folder / "events.db", Clock()
    names = [("a", "Track"), ("a", "Page"), ("b", "Track")]
    with opened(file, clock) as store:
        numbers = store.register(names)
        for count, name in enumerate(names):
            clock.now = START + count * HOUR
            body = json.dumps({"type": "track", "messageId": f"dead-{count}", "event": "Ordered"})
            if count == 1:
                bury(store, numbers[name], body, code="REQUEST_FAILED", reason="name is missing")
            else:
                bury(store, numbers[name], body, code="UNAUTHORIZED")
        for number in range(3):
            row = NewDelivery(numbers["a", "Track"], owned=number == 2)
            store.accept([Arrival(f"waits-{number}", '{"type": "track"}', (row,))])
    return file


def bury(store: FileStore, subscription: int, body: str, *, code: str, reason: str = "no key") -> None:
    """Make a dead letter of an event."""
    message = json.loads(body).get("messageId")
    (accepted,) = store.accept([Arrival(message, body, (NewDelivery(subscription, owned=True),))])
    assert accepted.event is not None
    burial = Burial(
        accepted.event, subscription, code, store.now(), status=401, reason=reason, answer='{"a": 1}'
    )
    store.settle(Settlement(burials=[burial]))


def test_status_says_what_waits(outbox: Path, command: Command) -> None:
    """Each instance with what waits and why, the dead letters, and who delivers."""
    with opened(outbox) as store:
        store.set_state("b", "gone", reason="answered 410")
    run = command("outbox", "status", "w.json")
    assert run.code == 0
    assert "events.db: 3 deliveries waiting, 3 dead letters" in run.out
    rows = [line.split() for line in run.out.splitlines()]
    assert ["a", "3", "·", "·", "2"] in [row[:5] for row in rows]
    assert any(row[:5] == ["b", "·", "·", "·", "1"] and "gone: answered 410" in " ".join(row) for row in rows)
    assert "no worker runs" in run.out
    run = command("outbox", "status", "--outbox", "events.db", "--json")
    found = {each["instance"]: each for each in run.json["instances"]}
    assert (found["a"]["due"], found["a"]["inHand"], found["a"]["deadLetters"]) == (3, 0, 2)
    assert (found["b"]["state"], found["b"]["reason"]) == ("gone", "answered 410")
    assert found["a"]["oldest"] == "2026-09-21T16:13:20.000Z"
    assert (run.json["deadLetters"], run.json["workers"]) == (3, [])


def test_status_says_what_was_delivered_and_why_something_is_not(outbox: Path, command: Command) -> None:
    """It has the numbers of a day, and why deliveries are to be tried again; a new file has neither."""
    run = command("outbox", "status", "w.json")
    assert "24 hours" not in run.out
    assert "tried again" not in run.out
    with opened(outbox) as store:
        numbers = store.register([("a", "Track")])
        subscription = numbers["a", "Track"]
        (accepted,) = store.accept([Arrival("m", "{}", (NewDelivery(subscription, owned=True),))])
        assert accepted.event is not None
        now = store.now()
        reason = "the destination\x1b answered 503"
        again = Retry(accepted.event, subscription, due=now + 60_000, tried_at=now, status=503, reason=reason)
        store.settle(Settlement(retries=[again]))
        minutes = [now - 25 * HOUR * 1000, now - 60_000, now]
        store.note_tallies([Tally(minute, "a", sent=2, failed=1, retried=3) for minute in minutes])
        store.note_tallies([Tally(minute, received=5) for minute in minutes])
    run = command("outbox", "status", "w.json")
    assert "in 24 hours: 10 events accepted, 4 deliveries sent, 2 given up; 6 tries were repeated" in run.out
    assert "a: 1 delivery to be tried again, after: the destination\\x1b answered 503" in run.out
    found = command("outbox", "status", "w.json", "--json").json
    assert found["day"] == {"accepted": 10, "sent": 4, "failed": 2, "retried": 6}
    assert found["retrying"] == [{"instance": "a", "count": 1, "reason": reason}]


def test_status_says_what_to_do_about_refused_credentials(outbox: Path, command: Command) -> None:
    """An instance that refuses its credentials: for how long it is left alone, why, and what ends that."""
    with opened(outbox) as store:
        said = "its credentials were refused 20 times in a row"
        store.set_state("b", "refused", until=store.now() + 600_000, reason=said)
    run = command("outbox", "status", "w.json")
    text = " ".join(run.out.split())
    assert "refused for 10 min" in text
    assert "b gets nothing while it refuses its credentials" in text
    assert "actions outbox resume b" in text
    run = command("outbox", "status", "w.json", "--json")
    found = {each["instance"]: each for each in run.json["instances"]}
    assert (found["b"]["state"], found["b"]["reason"]) == ("refused", said)
    assert found["b"]["until"]
    run = command("outbox", "resume", "b", "w.json")
    assert run.out == "b was refused, and is delivered to again\n"


def test_resume(outbox: Path, command: Command) -> None:
    """An instance that is gone is active again; an unknown one is refused with those that are known."""
    with opened(outbox) as store:
        store.set_state("b", "gone", reason="410")
    run = command("outbox", "resume", "b", "w.json")
    assert (run.code, run.out) == (0, "b was gone, and is delivered to again\n")
    with opened(outbox) as store:
        assert store.states()["b"].state == "active"
    assert command("outbox", "resume", "b", "w.json").out == "b is active already\n"
    run = command("outbox", "resume", "c", "--outbox", "events.db")
    assert run.code == 2
    assert "events.db knows no instance 'c'; it knows a, b" in " ".join(run.err.split())


def test_rescue(outbox: Path, command: Command) -> None:
    """What can be read is copied; a file that is there is never overwritten."""
    del outbox
    run = command("outbox", "rescue", "events.db", "new.db")
    assert (run.code, run.out) == (0, "new.db: 3 deliveries of 3 events, 3 dead letters\n")
    assert command("outbox", "status", "--outbox", "new.db", "--json").json["deadLetters"] == 3
    run = command("outbox", "rescue", "events.db", "new.db")
    assert run.code == 2
    assert "new.db is there already; name a new file" in run.err


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ((), [1, 2, 3]),
        (("--instance", "a"), [1, 2]),
        (("--subscription", "Track"), [1, 3]),
        (("--code", "UNAUTHORIZED", "--instance", "b"), [3]),
        (("--since", "2026-09-21T15:13:20Z"), [2, 3]),
        (("--before", "2026-09-21T15:13:20Z"), [1]),
        (("--id", "2", "--id", "9"), [2]),
        (("--instance", "nobody"), []),
        (("--reason", "name is missing"), [2]),
        (("--reason", "name"), []),
        (("--reason", "no key", "--instance", "a"), [1]),
    ],
)
def test_list_by_filters(outbox: Path, command: Command, filters: tuple[str, ...], ids: list[int]) -> None:
    """Each filter narrows the list, together they all hold, and the count is theirs."""
    del outbox
    run = command("dlq", "list", "w.json", "--json", *filters)
    assert run.code == 0
    assert [letter["id"] for letter in run.json["deadLetters"]] == ids
    assert run.json["count"] == len(ids)


def test_list_for_people(outbox: Path, command: Command) -> None:
    """A table without events; `--limit` says how many are not shown."""
    del outbox
    run = command("dlq", "list", "--outbox", "events.db", "--limit", "2")
    assert run.code == 0
    assert "UNAUTHORIZED" in run.out
    assert "3 dead letters, 1 of them not shown (--limit)" in run.out
    assert "Ordered" not in run.out


def test_a_long_reason_is_cut_where_it_can_be_seen(outbox: Path, command: Command) -> None:
    """A reason that is too long for the table ends with an ellipsis; a program gets all of it."""
    with opened(outbox) as store:
        bury(store, store.register([("a", "Track")])["a", "Track"], "{}", code="X", reason="long " * 100)
    assert "…" in command("dlq", "list", "w.json", "--code", "X").out
    (letter,) = command("dlq", "list", "w.json", "--code", "X", "--json").json["deadLetters"]
    assert letter["reason"] == "long " * 100


def test_show(outbox: Path, command: Command) -> None:
    """A dead letter is shown with its event and the response; one that is not there is named."""
    del outbox
    run = command("dlq", "show", "w.json", "--id", "1", "--json")
    assert run.code == 0
    (letter,) = run.json
    assert letter["event"] == {"type": "track", "messageId": "dead-0", "event": "Ordered"}
    assert (letter["messageId"], letter["status"], letter["tries"]) == ("dead-0", 401, 1)
    assert letter["response"] == '{"a": 1}'
    run = command("dlq", "show", "w.json", "--id", "2", "--id", "77")
    assert run.code == 1
    assert '"event": "Ordered"' in run.out
    assert "there is no dead letter 77" in run.err


def test_replay(outbox: Path, command: Command) -> None:
    """What is chosen waits again."""
    run = command("dlq", "replay", "w.json", "--code", "UNAUTHORIZED", "--instance", "a")
    assert (run.code, run.out) == (0, "1 dead letter replayed: a worker delivers it\n")
    with opened(outbox) as store:
        numbers = store.register([("a", "Track")])
        bodies = [json.loads(row.body) for row in store.claim(numbers["a", "Track"], 10).rows]
    assert "dead-0" in [body.get("messageId") for body in bodies]
    run = command("dlq", "replay", "w.json", "--all", "--json")
    assert (run.code, run.json) == (0, {"replayed": 2})
    assert command("dlq", "list", "w.json", "--json").json["count"] == 0


def test_discard(outbox: Path, command: Command) -> None:
    """What is chosen is deleted, nothing else."""
    del outbox
    assert command("dlq", "discard", "w.json", "--reason", "key", "--json").json == {"discarded": 0}
    run = command("dlq", "discard", "w.json", "--id", "3")
    assert (run.code, run.out) == (0, "1 dead letter discarded\n")
    assert [each["id"] for each in command("dlq", "list", "w.json", "--json").json["deadLetters"]] == [1, 2]
    assert command("dlq", "discard", "--outbox", "events.db", "--all", "--json").json == {"discarded": 2}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dlq", "list"), "name an outbox: --outbox FILE, or a workspace that has one"),
        (("dlq", "list", "--outbox", "no.db"), "there is no outbox no.db"),
        (("outbox", "status", "bare.json"), "bare.json has no outbox"),
        (("outbox", "status", "--outbox", "bare.json"), "is not a database; name another file"),
        (
            ("dlq", "replay", "w.json"),
            "say which to replay: --id, --instance, --subscription, --code, --reason,",
        ),
        (("dlq", "discard", "w.json", "--all", "--id", "1"), "it contradicts --id"),
        (("dlq", "list", "w.json", "--since", "yesterday"), "Write it as 2026-01-31"),
        (("dlq", "show", "w.json"), "Missing option"),
        (("outbox", "rescue", "no.db", "new.db"), "there is no file no.db"),
        (("outbox", "status", "none.json"), "does not exist"),
    ],
)
def test_wrong_input_is_refused_in_words(
    outbox: Path, shell: Shell, command: Command, arguments: tuple[str, ...], words: str
) -> None:
    """Each mistake is exit code 2 and a sentence."""
    del outbox
    shell.write("bare.json", {"destinations": []})
    run = command(*arguments)
    assert run.code == 2
    assert words in " ".join(run.err.replace("│", " ").split())


def test_a_dead_letter_keeps_the_terminal_safe(outbox: Path, command: Command) -> None:
    """Signs that a terminal would obey are shown as what they are."""
    with opened(outbox) as store:
        numbers = store.register([("a", "Track")])
        bury(store, numbers["a", "Track"], '{"event": "\\u001b[2J"}', code="X", reason="\x1b[31m")
    for run in (command("dlq", "list", "w.json"), command("dlq", "show", "w.json", "--id", "4")):
        assert run.code == 0
        assert "\x1b" not in run.out
