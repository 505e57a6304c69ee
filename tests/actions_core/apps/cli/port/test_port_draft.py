"""`actions port draft` and `actions port catalogue` on a package of the tests, run by node."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import load_destination

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.usefixtures("published")
def test_a_draft_has_requests_where_they_follow_rules_and_functions_elsewhere(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    """A draft is a package: inferred requests in its definition, functions to write for the others."""
    run = command("port", "draft", "actions-shop", "--out", tmp_path / "made")
    assert run.code == 0, run.err
    assert "upload: a function to write: the published one calls new cloud-sdk.Cloud" in run.out
    (home,) = (tmp_path / "made" / "src").iterdir()
    definition = json.loads((home / "destination.json").read_text(encoding="utf-8"))
    request = definition["actions"]["order"]["request"]
    assert request["url"] == "https://api.shop.example/orders"
    assert request["headers"] == {"authorization": {"@template": "Bearer {{settings.key}}"}}
    assert request["json"]["id"] == {"@path": "$.payload.id"}
    assert request["json"]["premium"] == {"@choose": {"by": {"@path": "$.payload.tier"}, "of": {"two": True}}}
    assert request["require"][0]["if"] == 'payload.id != "magic-word"'
    handlers = (home / "handlers.py").read_text(encoding="utf-8")
    assert '@destination.action("upload")' in handlers
    assert '@destination.action("order")' not in handlers
    load_destination(home / "destination.json")


@pytest.mark.usefixtures("published")
def test_a_draft_can_be_checked_at_once_and_its_cases_have_the_requests(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    """What was drafted is compared by `port check` without another word, and its cases say what is sent."""
    command("port", "draft", "shop", "--out", tmp_path / "made")
    run = command("port", "check", tmp_path / "made", "--json", "--count", 40, "--action", "order")
    (order,) = run.json["actions"]
    assert order["equal"]["requests"] > 10
    (case,) = json.loads((tmp_path / "made" / "tests" / "cases" / "order.json").read_text(encoding="utf-8"))
    assert case["expect"]["request"]["url"] == "https://api.shop.example/orders"
    assert set(case["expect"]["request"]["json"]) == {"id"}


_RELAY = """
const fields = { id: { label: 'Id', type: 'string', required: true, default: { '@path': '$.userId' } } }
const headers = (settings) => ({ 'x-key': settings.key })
module.exports.default = {
  name: 'Relay', slug: 'relay', mode: 'cloud',
  authentication: { scheme: 'custom', fields: { key: { label: 'Key', type: 'password', required: true } } },
  actions: {
    two: { title: 'Two', fields, perform: async (request, { payload, settings }) => {
      const url = 'https://api.relay.example/people'
      await request(url, { method: 'put', json: { id: payload.id }, headers: headers(settings) })
      await request(`${url}/note`, { method: 'post', headers: headers(settings) })
    } },
    linked: { title: 'Linked', fields, perform: async (request, { payload, settings }) => {
      const json = { id: payload.id }
      const made = await request('https://api.relay.example/links', { method: 'post', json })
      return request(`https://api.relay.example/links/${made.data.person.id}`, { method: 'put', json })
    } }
  }
}
"""


def test_the_case_of_a_function_to_write_has_the_requests_of_the_published_one(
    command: Callable[..., Any], tmp_path: Path, published: Path
) -> None:
    """Where no request could be inferred that is mostly equal, the case has what the published code sends."""
    home = published / "node_modules/@segment/action-destinations/dist/destinations/relay"
    home.mkdir()
    (home / "index.js").write_text(_RELAY, encoding="utf-8")
    run = command("port", "draft", "relay", "--out", tmp_path / "made")
    assert run.code == 0, run.err
    assert "two: a function to write: it makes several requests for an event" in run.out
    assert "linked: a function to write: it needs what is in the response" in run.out
    (made,) = (tmp_path / "made" / "src").iterdir()
    assert "request" not in json.loads((made / "destination.json").read_text("utf-8"))["actions"]["linked"]
    (case,) = json.loads((tmp_path / "made" / "tests" / "cases" / "two.json").read_text(encoding="utf-8"))
    headers = {"x-key": case["settings"]["key"]}
    assert case["expect"] == {
        "requests": [
            {
                "method": "PUT",
                "url": "https://api.relay.example/people",
                "headers": headers,
                "json": {"id": case["event"]["userId"]},
            },
            {"method": "POST", "url": "https://api.relay.example/people/note", "headers": headers},
        ]
    }
    handlers = (made / "handlers.py").read_text(encoding="utf-8")
    assert 'return request.with_base("https://api.relay.example")' in handlers


_TRICKY = """
const id = { label: 'Id', type: 'string', required: true, default: { '@path': '$.userId' } }
const fields = { id, n: { label: 'N', type: 'number' } }
const sum = (id) => [...String(id)].reduce((all, sign) => all + sign.codePointAt(0), 0)
module.exports.default = {
  name: 'Tricky', slug: 'tricky', mode: 'cloud',
  actions: {
    noted: { title: 'Noted', fields, perform: (request, { payload }) =>
      request('https://api.tricky.example/notes', {
        method: 'post', json: { id: payload.id, n: payload.n ? payload.n : 'none' } }) },
    placed: { title: 'Placed', fields, perform: (request, { payload }) =>
      request(`https://api.tricky.example/people/${payload.id}`, { method: 'put' }) },
    picky: { title: 'Picky', fields, perform: (request, { payload }) => {
      if (sum(payload.id) % 4) throw new Error('not this one')
      return request('https://api.tricky.example/people', { method: 'post', json: { id: payload.id } })
    } }
  }
}
"""


def test_what_usual_calls_do_not_show_is_found_from_others(
    command: Callable[..., Any], tmp_path: Path, published: Path
) -> None:
    """A request that differs is inferred once more, quotes values in its path on purpose, or is given up.

    One draft for all three, since each of them makes hundreds of calls.
    """
    home = published / "node_modules/@segment/action-destinations/dist/destinations/tricky"
    home.mkdir()
    (home / "index.js").write_text(_TRICKY, encoding="utf-8")
    run = command("port", "draft", "tricky", "--out", tmp_path / "made")
    assert run.code == 0, run.err
    (made,) = (tmp_path / "made" / "src").iterdir()
    actions = json.loads((made / "destination.json").read_text("utf-8"))["actions"]
    assert "noted: a request in JSON" in run.out
    noted = actions["noted"]["request"]["json"]["n"]["@if"]
    assert noted.keys() == {"blank", "then", "else"}
    assert noted["else"] == "none"
    assert "placed: a request in JSON" in run.out
    meant = json.loads((made / "differences.json").read_text("utf-8"))["differences"]
    assert meant.keys() == {"placed"}
    assert meant["placed"]["url"]["reason"].startswith("a value in the path is quoted")
    assert re.search(r"picky: a function to write: its inferred request differs in \d+ of 50 fresh", run.out)
    assert "request" not in actions["picky"]


@pytest.mark.usefixtures("published")
def test_a_draft_overwrites_nothing(command: Callable[..., Any], tmp_path: Path) -> None:
    """A folder with something in it is left as it is."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine.txt").write_text("mine", encoding="utf-8")
    run = command("port", "draft", "shop", "--out", tmp_path / "made")
    assert run.code == 2
    assert "nothing is overwritten" in run.err
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("published")
def test_the_catalogue_counts_what_could_be_drafted(command: Callable[..., Any], tmp_path: Path) -> None:
    """The page has a line for each destination, counted from drafts; rows that are kept stay."""
    rows = tmp_path / "rows.ndjson"
    run = command("port", "catalogue", "--out", tmp_path / "page.md", "--rows", rows)
    assert run.code == 0, run.err
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| shop | in JSON and Python | 2 | 1 | 0 | the published one calls new cloud-sdk.Cloud" in page
    rows.write_text(
        rows.read_text(encoding="utf-8").replace('"equal": ["order"]', '"equal": []'), encoding="utf-8"
    )
    command("port", "catalogue", "--out", tmp_path / "page.md", "--rows", rows)
    assert "| shop | in Python | 2 | 0 |" in (tmp_path / "page.md").read_text(encoding="utf-8")


_BROKEN = """
const fields = { id: { label: 'Id', type: 'no such type' } }
module.exports.default = { name: 'Broken', actions: { order: { title: 'Order', fields, perform: () => {} } } }
"""


def test_what_cannot_be_drafted_has_a_line_with_the_reason(
    command: Callable[..., Any], tmp_path: Path, published: Path
) -> None:
    """A definition that cannot be loaded does not end the count: its line says why."""
    home = published / "node_modules/@segment/action-destinations/dist/destinations/broken"
    home.mkdir()
    (home / "index.js").write_text(_BROKEN, encoding="utf-8")
    run = command("port", "catalogue", "--out", tmp_path / "page.md")
    assert run.code == 0, run.err
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| broken | in Python | 1 | 0 | 0 | the definition" in page
    assert "| shop | in JSON and Python |" in page
