'use strict'
/*
 * The published destinations, run without a network.
 *
 * Started with the folder that contains their packages. An order is one line of JSON on standard input, its
 * reply one line on standard output: {"id": n, "value": …} or {"id": n, "error": "…"}.
 *
 *   {"do": "destinations"}                        every folder: {folder, slug, name, actions} or {folder, error}
 *   {"do": "definition", "destination"}           the definition without its functions, and which it has
 *   {"do": "sources", "destination", "action"}    the source files, those of the action first
 *   {"do": "run", "destination", "action", "event" | "events", "mapping", "settings", "responses", "seen", "returned", "features"}
 *                                                 the requests with their responses, and the outcome; where
 *                                                 "seen" is true, also what the function of the action was given
 *   {"do": "unreached", "destination"}            the parts of the sources that no run has reached
 *
 * Requests are answered from "responses": the first whose "url" (a regular expression) and "method" fit and
 * that has no such keys or fits is taken; of those without "url", each is used once, in their order.
 */

const fs = require('node:fs')
const inspector = require('node:inspector')
const Module = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const FOLDER = path.resolve(process.argv[2])
const PACKAGE = path.join(FOLDER, 'node_modules', '@segment', 'action-destinations')
const DESTINATIONS = path.join(PACKAGE, 'dist', 'destinations')
const CORE = path.join(FOLDER, 'node_modules', '@segment', 'actions-core')
const MOST_MS = 8000
const LONGEST_PAUSE_MS = 20

// -- what must not get out ---------------------------------------------------------------------------------

const out = process.stdout.write.bind(process.stdout)
for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table']) console[name] = () => {}
process.stdout.write = () => true
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})

const closed = () => {
  throw new Error('the network is closed while destinations are compared')
}
require('node:net').Socket.prototype.connect = closed
require('node:dgram').Socket.prototype.send = closed
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) require('node:dns')[name] = closed
require('node:child_process').spawn = closed

// Pauses between tries need not be waited for; the timer that ends a request is cleared before it fires.
const realSetTimeout = globalThis.setTimeout
globalThis.setTimeout = (call, delay, ...rest) =>
  realSetTimeout(call, Math.min(Number(delay) || 0, LONGEST_PAUSE_MS), ...rest)

// -- what is not installed ---------------------------------------------------------------------------------

const absent = new Set()
let calls = []

function stub(name) {
  const target = function () {}
  return new Proxy(target, {
    get(_, key) {
      if (key === 'prototype') return target.prototype
      if (key === 'then') return undefined
      if (key === '__esModule') return true
      if (key === 'default') return stub(name)
      if (key === Symbol.toPrimitive) return () => name
      if (key === Symbol.iterator || key === Symbol.asyncIterator) return [][Symbol.iterator].bind([])
      if (typeof key === 'symbol') return undefined
      return stub(`${name}.${key}`)
    },
    apply() {
      calls.push(name)
      return stub(`${name}()`)
    },
    construct() {
      calls.push(`new ${name}`)
      return stub(`${name}()`)
    }
  })
}

const load = Module._load
Module._load = function (request, ...rest) {
  try {
    return load.call(this, request, ...rest)
  } catch (error) {
    const isAbsent = error && error.code === 'MODULE_NOT_FOUND' && !/^[./]/.test(request)
    if (!isAbsent || !String(error.message).includes(`'${request}'`)) throw error
    absent.add(request)
    return stub(request)
  }
}

// -- the network -------------------------------------------------------------------------------------------

let exchange = { requests: [], responses: [], used: new Set() }

const ofCore = Module.createRequire(path.join(CORE, 'package.json'))
const realFetch = ofCore('cross-fetch')

async function record(...given) {
  const current = exchange
  const request = new realFetch.Request(...given)
  const url = request.url
  const bytes = Buffer.from(await request.arrayBuffer())
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  const headers = {}
  request.headers.forEach((value, name) => (headers[name] = value))
  const response = respond(current, request.method, url)
  current.requests.push({
    method: request.method,
    url,
    headers,
    ...(isText ? { body: text } : { base64: bytes.toString('base64') }),
    response
  })
  if (response.failure) throw new realFetch.default.FetchError(response.failure, 'system')
  const isJson = 'json' in response
  const body = isJson ? JSON.stringify(response.json) : String(response.body ?? '')
  const type = isJson ? { 'content-type': 'application/json' } : {}
  const empty = [204, 205, 304].includes(response.status)
  return new realFetch.Response(empty ? null : body, {
    status: response.status ?? 200,
    headers: { ...type, ...response.headers },
    url
  })
}

function respond(current, method, url) {
  for (const response of current.responses) {
    if (response.url === undefined) continue
    if (new RegExp(response.url).test(url) && (response.method ?? method) === method) return response
  }
  for (const [index, response] of current.responses.entries()) {
    if (response.url !== undefined || current.used.has(index)) continue
    current.used.add(index)
    return response
  }
  return { status: 200, json: {} }
}

const fetch = Object.assign(record, realFetch)
fetch.default = fetch
ofCore.cache[ofCore.resolve('cross-fetch')].exports = fetch
globalThis.fetch = record

// -- the destinations --------------------------------------------------------------------------------------

const { Destination } = ofCore('@segment/actions-core')
const parseSettings = require(path.join(CORE, 'dist', 'cjs', 'destination-kit', 'parse-settings.js'))
const published = Module.createRequire(path.join(PACKAGE, 'package.json'))
const found = new Map()

function read(folder) {
  if (!found.has(folder)) {
    const definition = published(path.join(DESTINATIONS, folder)).default
    if (!definition || !definition.actions) throw new Error('it is not the definition of a destination')
    found.set(folder, { definition, destination: new Destination(definition) })
  }
  return found.get(folder)
}

function folders() {
  const entries = fs.readdirSync(DESTINATIONS, { withFileTypes: true })
  const packages = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const inner = path.join(DESTINATIONS, 'engage')
  const nested = fs.existsSync(inner) ? fs.readdirSync(inner).map((name) => `engage/${name}`) : []
  return [...packages, ...nested].filter((name) => fs.existsSync(path.join(DESTINATIONS, name, 'index.js'))).sort()
}

function destinations() {
  return folders().map((folder) => {
    try {
      const { definition } = read(folder)
      return { folder, slug: definition.slug, name: definition.name, mode: definition.mode, actions: Object.keys(definition.actions) }
    } catch (error) {
      return { folder, error: String(error && error.message) }
    }
  })
}

// Functions become names, and what is undefined is left out.
function plain(value, place, functions) {
  if (typeof value === 'function') {
    functions.push(place)
    return undefined
  }
  if (value === null || typeof value !== 'object') return value
  if (value instanceof RegExp || value instanceof Date) return String(value)
  if (Array.isArray(value)) return value.map((item, index) => plain(item, `${place}[${index}]`, functions) ?? null)
  const copy = {}
  for (const [key, item] of Object.entries(value)) {
    const made = plain(item, place ? `${place}.${key}` : key, functions)
    if (made !== undefined) copy[key] = made
  }
  return copy
}

function definitionOf({ destination }) {
  const functions = []
  const definition = plain(read(destination).definition, '', functions)
  return { definition, functions, absent: [...absent] }
}

function ownModules(folder) {
  const base = path.join(DESTINATIONS, folder) + path.sep
  return Object.values(require.cache).filter((module) => module && module.filename.startsWith(base))
}

function sources({ destination, action }) {
  const { definition } = read(destination)
  const wanted = definition.actions[action]
  const home = ownModules(destination).find(({ exports }) => exports && exports.default === wanted)
  const near = home ? path.dirname(home.filename) + path.sep : ''
  const seen = new Set()
  const files = []
  const visit = (module) => {
    if (!module || seen.has(module.filename)) return
    seen.add(module.filename)
    if (!module.filename.startsWith(path.join(PACKAGE, 'dist'))) return
    if (/__tests__|versioning-info/.test(module.filename)) return
    files.push({
      path: path.relative(DESTINATIONS, module.filename),
      near: near !== '' && module.filename.startsWith(near),
      text: fs.readFileSync(module.filename, 'utf8')
    })
    for (const child of module.children) visit(child)
  }
  visit(home)
  visit(require.cache[require.resolve(path.join(DESTINATIONS, destination))])
  // Other actions are no part of this one, unless it uses them.
  const others = new Set(Object.values(definition.actions).filter((other) => other !== wanted))
  const foreign = ownModules(destination)
    .filter(({ exports }) => exports && others.has(exports.default))
    .map(({ filename }) => path.relative(DESTINATIONS, filename))
  return files.filter((file) => file.near || !foreign.includes(file.path))
}

const nothing = () => {}
const statsClient = new Proxy({}, { get: () => nothing })
const logger = new Proxy({}, { get: () => nothing })

async function run(order) {
  const { destination } = read(order.destination)
  const current = (exchange = { requests: [], responses: order.responses ?? [], used: new Set() })
  calls = []
  const settings = order.settings ?? {}
  const common = {
    mapping: order.mapping,
    settings: destination.getDestinationSettings(settings),
    auth: parseSettings.getAuthData(settings),
    features: order.features ?? {},
    statsContext: { statsClient, tags: [] },
    logger,
    subscriptionMetadata: {},
    transactionContext: { transaction: {}, setTransaction: nothing },
    stateContext: { getRequestContext: nothing, setResponseContext: nothing }
  }
  const reply = { requests: current.requests, nodes: null, error: null }
  const action = destination.actions[order.action]
  const restore = order.seen ? watch(action, reply) : order.returned ? send(action, order.returned) : nothing
  try {
    const work = order.events
      ? destination.executeBatch(order.action, { ...common, events: order.events })
      : destination.executeAction(order.action, { ...common, event: order.event })
    const result = await inTime(work)
    if (order.events) reply.nodes = result.map((node) => plain(JSON.parse(JSON.stringify(node ?? null)), '', []))
  } catch (error) {
    reply.error = describe(error)
  } finally {
    restore()
  }
  if (calls.length) reply.calls = [...new Set(calls)]
  return reply
}

// Note what the functions of an action are given: the payload, mapped and validated, and what else they see.
function watch(action, reply) {
  const { definition } = action
  const changed = { ...definition }
  for (const name of ['perform', 'performBatch']) {
    if (!definition[name]) continue
    changed[name] = (request, data) => {
      const { payload, syncMode, audienceMembership, hookOutputs } = data
      reply.seen = JSON.parse(JSON.stringify({ payload, syncMode, membership: audienceMembership, hooks: hookOutputs }))
      return definition[name](request, data)
    }
  }
  action.definition = changed
  return () => (action.definition = definition)
}

// Send what the function of an action returns, as Segment's platform does for its own destinations.
function send(action, url) {
  const { definition } = action
  const perform = async (request, data) => {
    const returned = await definition.perform(request, data)
    return request(url, { method: 'post', json: returned })
  }
  action.definition = { ...definition, perform }
  return () => (action.definition = definition)
}

function inTime(work) {
  let timer
  const late = new Promise((_, refuse) => {
    timer = realSetTimeout(() => refuse(new Error('it took too long')), MOST_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function describe(error) {
  if (error === null || typeof error !== 'object') return { name: 'Error', message: String(error) }
  const responded = error.response && typeof error.response.status === 'number' ? error.response.status : null
  return {
    name: error.name || (error.constructor && error.constructor.name) || 'Error',
    message: String(error.message ?? ''),
    code: error.code === undefined ? null : String(error.code),
    status: responded ?? (typeof error.status === 'number' ? error.status : null),
    responded: responded !== null
  }
}

// -- what no run has reached -------------------------------------------------------------------------------

const session = new inspector.Session()
session.connect()
const post = (method, given) =>
  new Promise((resolve, reject) =>
    session.post(method, given, (error, value) => (error ? reject(new Error(error.message)) : resolve(value)))
  )

async function unreached({ destination }) {
  const { result } = await post('Profiler.takePreciseCoverage')
  const base = path.join(DESTINATIONS, destination) + path.sep
  const files = []
  for (const { url, functions } of result) {
    const file = url.startsWith('file://') ? require('node:url').fileURLToPath(url) : url
    if (!file.startsWith(base)) continue
    const text = fs.readFileSync(file, 'utf8')
    const parts = []
    for (const { functionName, ranges, isBlockCoverage } of functions) {
      ranges.forEach(({ startOffset, endOffset, count }, index) => {
        if (count > 0) return
        const isFunction = index === 0
        if (isFunction && isBlockCoverage && ranges.length > 1) return
        parts.push({
          function: functionName,
          whole: isFunction,
          line: text.slice(0, startOffset).split('\n').length,
          start: startOffset,
          end: endOffset,
          before: text.slice(Math.max(0, text.lastIndexOf('\n', startOffset - 1) + 1), startOffset),
          text: text.slice(startOffset, endOffset)
        })
      })
    }
    files.push({ path: path.relative(DESTINATIONS, file), parts })
  }
  return files
}

// -- orders ------------------------------------------------------------------------------------------------

const orders = { destinations, definition: definitionOf, sources, run, unreached }

async function obey(line) {
  const order = JSON.parse(line)
  try {
    const value = await orders[order.do](order)
    return { id: order.id, value }
  } catch (error) {
    return { id: order.id, error: String((error && error.message) || error) }
  }
}

async function main() {
  await post('Profiler.enable')
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    out(JSON.stringify(await obey(line)) + '\n')
  }
  process.exit(0)
}

main()
