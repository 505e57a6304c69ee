"""The tables of an outbox file, and how older versions become the present one.

An event is stored once, with a row for each (event, instance, subscription). `owner` of a row is `WAITING`,
the number of the worker that holds it, or `BEHIND` an earlier row of its key. WITHOUT ROWID for `delivery`:
its key is the order of arrival, so rows are appended, and "has the event other rows?" looks at neighbours.
There are no foreign keys: the code keeps them, and the tests check.

Nothing newer than SQLite 3.34 is used: no RETURNING, STRICT or `->>`.
"""

from __future__ import annotations

from typing import Final

WAITING: Final = 0
BEHIND: Final = -1

#: "ACTB" in the header of the file tells whose it is.
APPLICATION_ID: Final = 0x41435442
#: What `user_version` says of a file of this version.
VERSION: Final = 3

TABLES: Final = """
CREATE TABLE instance(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'active',  -- active, paused, refused, gone
  until INTEGER, since INTEGER, reason TEXT NOT NULL DEFAULT '',
  settings TEXT NOT NULL DEFAULT '');    -- a digest
CREATE TABLE subscription(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE(instance, name));
CREATE TABLE event(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE delivery(
  event INTEGER NOT NULL, subscription INTEGER NOT NULL, instance INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  due INTEGER NOT NULL,  -- ms; backoff, Retry-After and the age of a batch all end up here
  tries INTEGER NOT NULL DEFAULT 0,
  first INTEGER,         -- the first try: the time that a delivery may take counts from there
  ordered TEXT, batch INTEGER, size INTEGER NOT NULL DEFAULT 0, status INTEGER, reason TEXT,
  PRIMARY KEY(event, subscription)) WITHOUT ROWID;
CREATE INDEX delivery_due     ON delivery(subscription, due) WHERE owner = 0;
CREATE INDEX delivery_ordered ON delivery(instance, ordered, event, subscription) WHERE ordered IS NOT NULL;
CREATE INDEX delivery_batch   ON delivery(subscription, batch) WHERE batch IS NOT NULL;
CREATE TABLE seen(gen INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY(gen, id)) WITHOUT ROWID;
CREATE TABLE dead(
  id INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, subscription TEXT NOT NULL,
  message TEXT NOT NULL, code TEXT NOT NULL, status INTEGER, reason TEXT NOT NULL, answer TEXT NOT NULL,
  tries INTEGER NOT NULL, first INTEGER, last INTEGER NOT NULL, at INTEGER NOT NULL,
  body TEXT NOT NULL, suffix TEXT NOT NULL);
CREATE INDEX dead_by ON dead(instance, subscription, last);
CREATE INDEX dead_last ON dead(last);
CREATE TABLE worker(
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started INTEGER NOT NULL);
CREATE TABLE counter(event INTEGER NOT NULL, worker INTEGER NOT NULL, batch INTEGER NOT NULL);
CREATE TABLE recent(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, message TEXT NOT NULL, instance TEXT NOT NULL,
  subscription TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
  event TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL,
  code TEXT NOT NULL DEFAULT '', tries INTEGER NOT NULL DEFAULT 0, duration INTEGER);  -- ms
CREATE TABLE tally(
  minute INTEGER NOT NULL, instance TEXT NOT NULL,  -- '' for what is counted by events
  received INTEGER NOT NULL, filtered INTEGER NOT NULL, unmatched INTEGER NOT NULL,
  sent INTEGER NOT NULL, failed INTEGER NOT NULL, retried INTEGER NOT NULL,
  duration INTEGER NOT NULL, slowest INTEGER NOT NULL,  -- ms: the sum, and the longest
  PRIMARY KEY(minute, instance)) WITHOUT ROWID;
CREATE TABLE input(
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, head TEXT NOT NULL,
  position INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES (0, 0, 0);
"""

#: What takes a file from the version of each key to the next one: statements, separated by semicolons.
MIGRATIONS: Final[dict[int, str]] = {
    1: "ALTER TABLE instance ADD COLUMN settings TEXT NOT NULL DEFAULT ''",
    2: """
ALTER TABLE recent ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE recent ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recent ADD COLUMN duration INTEGER;
CREATE TABLE tally(
  minute INTEGER NOT NULL, instance TEXT NOT NULL,
  received INTEGER NOT NULL, filtered INTEGER NOT NULL, unmatched INTEGER NOT NULL,
  sent INTEGER NOT NULL, failed INTEGER NOT NULL, retried INTEGER NOT NULL,
  duration INTEGER NOT NULL, slowest INTEGER NOT NULL,
  PRIMARY KEY(minute, instance)) WITHOUT ROWID
""",
}
