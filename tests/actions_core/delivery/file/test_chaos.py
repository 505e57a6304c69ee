"""Real processes on one file, killed again and again with SIGKILL.

The suite plays few rounds. The long form, a hundred and more, prints its figures:

    OUTBOX_KILLS=100 .venv/bin/python -m pytest -n 0 -s tests/actions_core/delivery/file/test_chaos.py
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.forks import FORKS, Fork

KILLS = int(os.environ.get("OUTBOX_KILLS", "3"))
CHAOS = Path(__file__).with_name("chaos.py")
#: What a process has in hand when it is killed: two pumps of 20, and outcomes that are not noted.
IN_HAND = 2 * 20 + 2 * (200 + 20)


def start(folder: Path, name: str, failures: float) -> Fork:
    """Start a process on the outbox of a folder."""
    files = [str(folder / each) for each in ("events.db", "accepted", "delivered")]
    with (folder / "errors").open("ab") as errors:
        return FORKS.start(CHAOS, *files, name, str(failures), stderr=errors)


def wait_for_work(folder: Path, before: int) -> None:
    """Wait until something was delivered since."""
    delivered = folder / "delivered"
    for _ in range(2000):
        if delivered.exists() and delivered.stat().st_size > before:
            return
        time.sleep(0.01)
    raise AssertionError((folder / "errors").read_text())


@pytest.mark.parametrize(("processes", "failures"), [(1, 0.2), (2, 0.1)])
def test_nothing_is_lost_by_kills(processes: int, failures: float, tmp_path: Path) -> None:
    """What was acknowledged is delivered, in order, and repeated no more than what was in hand at a kill."""
    chance = random.Random(processes + failures)
    running: list[Fork] = []
    names = iter(range(10_000))
    try:
        for _ in range(KILLS):
            while len(running) < processes:
                running.append(start(tmp_path, f"p{next(names)}", failures))
            delivered = tmp_path / "delivered"
            wait_for_work(tmp_path, delivered.stat().st_size if delivered.exists() else 0)
            time.sleep(chance.uniform(0.05, 0.5))
            if processes > 1 and chance.random() < 0.3:
                running[-1].send_signal(signal.SIGSTOP)
                time.sleep(0.2)
                running[-1].send_signal(signal.SIGCONT)
            victim = running.pop(0)
            victim.kill()
            victim.wait()
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert start(tmp_path, "drain", 0.0).wait(120) == 0, (tmp_path / "errors").read_text()
    check(tmp_path, KILLS + len(running))


def check(folder: Path, kills: int) -> None:
    """Compare what was acknowledged with what was delivered."""
    accepted = (folder / "accepted").read_text().split("\n")[:-1]
    lines = [line.split(" ") for line in (folder / "delivered").read_text().split("\n")[:-1]]
    counts = Counter((subscription, message) for subscription, _, message in lines)
    for subscription in ("1", "2"):
        lost = [message for message in accepted if not counts[subscription, message]]
        assert lost == []
    repeated = sum(counts.values()) - len(counts)
    assert repeated <= IN_HAND * kills
    latest: dict[str, int] = {}
    first_time: set[str] = set()
    for subscription, event, message in lines:
        if subscription == "2" and message not in first_time:
            first_time.add(message)
            key = str(int(message.split("-")[1]) % 7)
            assert int(event) > latest.get(key, 0), "a later one of its key before an earlier one"
            latest[key] = int(event)
    database = sqlite3.connect(folder / "events.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for table in ("event", "delivery", "dead", "worker"):
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - our own tables
        assert database.execute(query).fetchone() == (0,)
    database.close()
    print(f"\n{kills} kills: {len(accepted):,} acknowledged, 0 lost, {repeated:,} repeated")  # noqa: T201 - the figures of the long form
