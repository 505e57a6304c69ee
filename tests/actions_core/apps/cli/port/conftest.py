"""A package in the form of the published one, small enough to be written by a test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_CROSS_FETCH = """
class FetchError extends Error { constructor(message) { super(message); this.name = 'FetchError' } }
const { Request, Response, Headers } = globalThis
const reached = () => { throw new Error('the network was reached') }
const fetch = Object.assign(reached, { Request, Response, Headers })
fetch.FetchError = FetchError
fetch.default = fetch
module.exports = fetch
"""
#: As much of the framework as a destination of the tests needs.
_CORE = """
const pick = (mapping, event) => {
  const payload = {}
  for (const [key, value] of Object.entries(mapping)) {
    const path = value && value['@path']
    const found = path ? path.slice(2).split('.').reduce((at, step) => at && at[step], event) : value
    if (found !== undefined) payload[key] = found
  }
  return payload
}
class PayloadError extends Error {
  constructor(message, status = 400) { super(message); this.name = 'PayloadError'; this.status = status }
}
const validate = (fields, payload) => {
  for (const [key, { choices }] of Object.entries(fields)) {
    const given = payload[key]
    const isKnown = !choices || given === undefined || choices.some(({ value }) => value === given)
    if (!isKnown) throw new PayloadError(`${key} is not a choice`)
  }
}
class Destination {
  constructor(definition) {
    const actions = Object.entries(definition.actions)
    this.actions = Object.fromEntries(actions.map(([key, action]) => [key, { definition: action }]))
  }
  getDestinationSettings({ oauth, ...settings }) { return settings }
  client() {
    return async (url, { method = 'get', json, headers = {} } = {}) => {
      const body = json === undefined ? undefined : JSON.stringify(json)
      const fetch = require('cross-fetch')
      const response = await fetch(url, { method: method.toUpperCase(), body,
        headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) } })
      if (!response.ok) {
        const { status } = response
        throw Object.assign(new Error('refused'), { name: 'HTTPError', response: { status } })
      }
      return response.json()
    }
  }
  async executeAction(key, { event, mapping, settings, features }) {
    const payload = pick(mapping, event)
    validate(this.actions[key].definition.fields, payload)
    return this.actions[key].definition.perform(this.client(), { payload, settings, features })
  }
  async executeBatch(key, { events, mapping, settings }) {
    const payload = events.map((event) => pick(mapping, event))
    return this.actions[key].definition.performBatch(this.client(), { payload, settings })
  }
}
module.exports = { Destination, PayloadError }
"""
_SHOP = """
const { PayloadError } = require('@segment/actions-core')
const { Cloud } = require('cloud-sdk')
const fields = {
  id: { label: 'Id', type: 'string', required: true, default: { '@path': '$.properties.id' } },
  tier: {
    label: 'Tier', type: 'string', choices: [{ label: 'One', value: 'one' }, { label: 'Two', value: 'two' }]
  }
}
const item = (payload) => ({ id: String(payload.id), ...(payload.tier === 'two' ? { premium: true } : {}) })
exports.default = {
  name: 'Shop', slug: 'actions-shop', mode: 'cloud',
  authentication: { scheme: 'custom', fields: { key: { label: 'Key', type: 'password', required: true } },
    testAuthentication: () => { throw new Error('never called') } },
  actions: {
    order: {
      title: 'Order', fields,
      perform: (request, { payload, settings, features }) => {
        if (!payload.id || typeof payload.id === 'object') throw new PayloadError('no id')
        if (payload.id === 'magic-word') throw new PayloadError('not this one')
        if (payload.id === 'never such an id, since it is far too long to be among the literals') return null
        if (features.beta) payload.tier = 'two'
        return request('https://api.shop.example/orders', { method: 'post', json: item(payload),
          headers: { authorization: `Bearer ${settings.key}` } })
      },
      performBatch: async (request, { payload, settings }) => {
        const isValid = ({ id }) => Boolean(id) && typeof id !== 'object' && id !== 'magic-word'
        const valid = payload.filter(isValid)
        const found = await request('https://api.shop.example/batch', { method: 'post', json: valid.map(item),
          headers: { authorization: `Bearer ${settings.key}` } })
        return payload.map((one) => (valid.includes(one) ? { status: 200 }
          : { status: 400, errortype: 'PAYLOAD_VALIDATION_FAILED', errormessage: 'no id' }))
      }
    },
    upload: { title: 'Upload', fields, perform: async () => { await new Cloud().send('x') } }
  }
}
"""


def write_published(folder: Path) -> Path:
    """Write the package with its one destination, complete as if npm had brought it."""
    modules = folder / "node_modules"
    destinations = modules / "@segment" / "action-destinations" / "dist" / "destinations"
    core = modules / "@segment" / "actions-core"
    files = {
        destinations / "shop" / "index.js": _SHOP,
        destinations.parents[1] / "package.json": json.dumps({"name": "@segment/action-destinations"}),
        core / "package.json": json.dumps({"name": "@segment/actions-core", "main": "index.js"}),
        core / "index.js": _CORE,
        core / "dist" / "cjs" / "destination-kit" / "parse-settings.js": "exports.getAuthData = () => ({})\n",
        modules / "cross-fetch" / "package.json": json.dumps({"name": "cross-fetch", "main": "index.js"}),
        modules / "cross-fetch" / "index.js": _CROSS_FETCH,
        folder / "complete": "",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package with one destination, where the command looks for it."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = write_published(tmp_path / "published")
    monkeypatch.setenv("ACTIONS_PORT_CACHE", str(folder))
    return folder


def shop_definition(**changes: Any) -> dict[str, Any]:
    """Return a definition of ours that does what the published shop does, but for `premium` and refusals."""
    fields: dict[str, Any] = {
        "id": {
            "label": "Id",
            "type": "string",
            "required": True,
            "default": {"@path": "$.properties.id"},
        },
        "tier": {
            "label": "Tier",
            "type": "string",
            "choices": [{"label": "One", "value": "one"}, {"label": "Two", "value": "two"}],
        },
    }
    request: dict[str, Any] = {
        "method": "POST",
        "url": "https://api.shop.example/orders",
        "headers": {"authorization": {"@template": "Bearer {{settings.key}}"}},
        "json": {"id": {"@path": "$.payload.id"}},
    }
    settings = {"key": {"label": "Key", "type": "password", "required": True}}
    definition: dict[str, Any] = {
        "name": "Shop",
        "slug": "actions-shop",
        "authentication": {"scheme": "custom", "fields": settings},
        "actions": {"order": {"title": "Order", "fields": fields, "request": request}},
    }
    definition.update(changes)
    return definition


@pytest.fixture
def write_shop(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes our definition, and the file of its port, and returns its path."""

    def write(differences: dict[str, Any] | None = None, **changes: Any) -> Path:
        folder = tmp_path / "ours"
        folder.mkdir(exist_ok=True)
        file = folder / "destination.json"
        file.write_text(json.dumps(shop_definition(**changes)), encoding="utf-8")
        if differences is not None:
            (folder / "differences.json").write_text(json.dumps(differences), encoding="utf-8")
        return file

    return write
