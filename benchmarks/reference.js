'use strict'
/*
 * The reference side: measures @segment/actions-core through its public interface.
 *
 * An order is one line of JSON on stdin, its reply one line on stdout, so that the caller can take turns
 * between this side and the other.
 *   {"measure": name, "seconds": s}                            -> {"value": seconds for one}
 *   {"measure": "whole event", "seconds": s, "of": event}      -> {"value": seconds for one}
 *   {"measure": "deliver", "seconds": s, "of", "url", "concurrency"} -> {"value": events in a second}
 */

const { createRequire } = require('node:module')
const readline = require('node:readline')
const reference = require.resolve('@segment/actions-core')
const ofReference = createRequire(reference)

// Every request of the package goes through the fetch of cross-fetch; this one responds by itself
// unless the network is switched on.
const realFetch = ofReference('cross-fetch')
let online = false
const respond = () => new realFetch.Response('{}', { status: 200, headers: { 'content-type': 'application/json' } })
const fetch = Object.assign((...request) => (online ? realFetch(...request) : Promise.resolve(respond())), realFetch)
fetch.default = fetch
ofReference.cache[ofReference.resolve('cross-fetch')].exports = fetch

const { Destination, fieldsToJsonSchema, transform, validateSchema } = require('@segment/actions-core')
const { parseFql, validate } = ofReference('@segment/destination-subscriptions')
const inputs = require('./inputs.json')
const definition = require('../destinations/actions_fullstory/destination.json')

const { event, defaultMapping, sixDirectives } = inputs
const { fields, title, description } = definition.actions.trackEventV2

// Names that FullStory accepts, down to five levels of objects, as in our destination.
const cleanNames = (value, level = 1) => {
  const cleaned = {}
  for (const key of Object.keys(value)) {
    const inner = value[key]
    const isObject = inner !== null && typeof inner === 'object' && !Array.isArray(inner)
    cleaned[key.replace(/[^A-Za-z0-9_]/g, '')] = isObject && level < 5 ? cleanNames(inner, level + 1) : inner
  }
  return cleaned
}

const perform = (request, { payload, settings }) => {
  const { userId, name, properties, timestamp } = payload
  const json = { name, properties: cleanNames(properties ?? {}) }
  if (userId) json.user = { uid: userId }
  if (timestamp) json.timestamp = new Date(timestamp).toISOString()
  return request(`${settings.baseUrl}/v2/events`, { method: 'post', json })
}

const identify = (request, { payload, settings }) => {
  const { uid, anonymousId, displayName, email, properties } = payload
  const json = { properties: cleanNames(properties ?? {}) }
  if (uid) json.uid = uid
  if (email) json.email = email
  if (displayName) json.display_name = displayName
  if (anonymousId) json.properties.segmentAnonymousId = anonymousId
  return request(`${settings.baseUrl}/v2/users`, { method: 'post', json })
}

const { identifyUserV2 } = definition.actions
const fullstory = new Destination({
  name: definition.name,
  slug: definition.slug,
  mode: 'cloud',
  authentication: { scheme: 'custom', fields: definition.authentication.fields },
  extendRequest: ({ settings }) => ({
    headers: { Authorization: `Basic ${settings.apiKey}`, 'Integration-Source': 'segment' }
  }),
  actions: {
    trackEventV2: { title, description, fields, perform },
    identifyUserV2: {
      title: identifyUserV2.title,
      description: identifyUserV2.description,
      fields: identifyUserV2.fields,
      perform: identify
    }
  }
})

// Where a shop's event has no mapping, each side has its default one: ours as defined, the reference's as published.
const settingsFor = (baseUrl, { action, subscribe, mapping, reference }) => ({
  ...inputs.settings,
  baseUrl,
  subscriptions: [
    { name: 'Benchmark', partnerAction: action, subscribe, enabled: true, mapping: mapping ?? reference ?? defaultMapping }
  ]
})
const schema = fieldsToJsonSchema(fields)
const payload = transform(defaultMapping, event)

const measures = {
  'default mapping': () => transform(defaultMapping, event),
  'six directives': () => transform(sixDirectives, event),
  validation: () => validateSchema(payload, schema, { schemaKey: 'benchmark:trackEventV2', exempt: ['dynamicAuthSettings'] })
}
// As the package does it for each event: it parses the text, then matches the event.
for (const [name, text] of Object.entries(inputs.subscriptions)) {
  measures[`match: ${name}`] = () => validate(parseFql(text), event)
}

const seconds = () => Number(process.hrtime.bigint()) / 1e9

// The time of one run: the median of many short samples, so that an interruption counts little.
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]

function timed(run, duration) {
  const samples = []
  const end = seconds() + duration
  let started = seconds()
  while (started < end) {
    for (let i = 0; i < 100; i++) run()
    const now = seconds()
    samples.push((now - started) / 100)
    started = now
  }
  return median(samples)
}

// The package keeps every response; drop them, so that it is not measured with a full memory.
const forget = () => {
  fullstory.responses.length = 0
}

async function wholeEvent({ seconds: duration, of }) {
  const { event } = inputs.shop[of]
  const offline = settingsFor('https://api.fullstory.com', inputs.shop[of])
  const samples = []
  const end = seconds() + duration
  let started = seconds()
  while (started < end) {
    for (let i = 0; i < 100; i++) await fullstory.onEvent(event, offline)
    forget()
    const now = seconds()
    samples.push((now - started) / 100)
    started = now
  }
  return median(samples)
}

async function deliver({ seconds: duration, of, url, concurrency }) {
  const { event } = inputs.shop[of]
  const settings = settingsFor(url, inputs.shop[of])
  const started = seconds()
  let count = 0
  const worker = async () => {
    while (seconds() - started < duration) {
      await fullstory.onEvent(event, settings)
      if (++count % 100 === 0) forget()
    }
  }
  online = true
  try {
    await Promise.all(Array.from({ length: concurrency }, worker))
  } finally {
    online = false
  }
  return count / (seconds() - started)
}

async function obey(order) {
  if (order.measure === 'node') return process.version
  if (order.measure === 'deliver') return deliver(order)
  if (order.measure === 'whole event') return wholeEvent(order)
  // The result is returned once, to show that both sides compute the same.
  if (order.measure === 'result') return measures[order.of]() ?? null
  return timed(measures[order.measure], order.seconds)
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const value = await obey(JSON.parse(line)).catch((error) => ({ error: String(error) }))
    process.stdout.write(JSON.stringify(value && value.error ? value : { value }) + '\n')
  }
}

main()
