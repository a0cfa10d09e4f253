// y-websocket clients: each a Yjs document from `documents.mjs` with the official provider, connected to a running server.

import * as Y from 'yjs'
import * as decoding from 'lib0/decoding'
import * as prng from 'lib0/prng'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import { decode, documentOf, describe, methods as documents, register } from './documents.mjs'

const MESSAGE_SYNC = 0
const SYNC_STEP_1 = 0
const MESSAGE_SAVED = 8

/** @type {Map<string, { provider: WebsocketProvider, saved: number[], closes: number[], unknown: number[], errors: number }>} */
const peers = new Map()

/** @type {Map<string, NodeJS.Timeout>} */
const typists = new Map()

const peerOf = name => {
  const peer = peers.get(name)
  if (peer === undefined) throw new Error(`no peer called ${name}`)
  return peer
}

/** A socket that notes, for each message with content it sends, how many edits its document had made by then. */
const notingSocket = (doc, sent) => class extends WebSocket {
  send (data, ...rest) {
    const message = new Uint8Array(data)
    if (message[0] === MESSAGE_SYNC && message[1] !== SYNC_STEP_1) sent.push(Y.getState(doc.store, doc.clientID))
    super.send(data, ...rest)
  }
}

const connect = ({ peer: name, url, room, client, params = {}, updates = [], connected = true }) => {
  const doc = new Y.Doc()
  doc.clientID = client
  register(name, doc)
  for (const update of updates) Y.applyUpdate(doc, decode(update))
  const sent = []
  const provider = new WebsocketProvider(url, room, doc, {
    connect: false, params, WebSocketPolyfill: notingSocket(doc, sent), disableBc: true, maxBackoffTime: 200
  })
  const peer = { provider, saved: [], closes: [], unknown: [], errors: 0 }
  peers.set(name, peer)
  provider.messageHandlers[MESSAGE_SAVED] = (_, decoder) => {
    const edits = sent.shift()
    if (decoding.readVarUint(decoder) === 1) peer.saved.push(edits)
  }
  for (const type of [4, 5, 6, 7, 9, 10]) provider.messageHandlers[type] = () => { peer.unknown.push(type) }
  provider.on('connection-close', event => {
    sent.length = 0
    if (event !== null) peer.closes.push(event.code)
  })
  provider.on('connection-error', () => { peer.errors++ })
  if (connected) provider.connect()
}

/** Resolves when `holds()` is true; says what it waited for when the time is up. */
const until = async (holds, seconds, explain) => {
  const deadline = performance.now() + seconds * 1000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after ${seconds} s: ${explain()}`)
    await new Promise(resolve => setTimeout(resolve, 4))
  }
}

const snapshotOf = name => Y.snapshot(documentOf(name))

const haveConverged = names => {
  const [first, ...others] = names.map(snapshotOf)
  return others.every(other => Y.equalSnapshots(first, other))
}

const statesOf = name => Object.fromEntries(peerOf(name).provider.awareness.getStates())

const same = (left, right) => {
  const canonical = states => JSON.stringify(Object.entries(states).sort(([a], [b]) => (a < b ? -1 : 1)))
  return canonical(left) === canonical(right)
}

const stopTyping = names => {
  for (const name of names) {
    clearInterval(typists.get(name))
    typists.delete(name)
  }
}

export const methods = {
  connect,

  /** Connects many peers in the same turn of the event loop. */
  connectAll: ({ peers: wanted }) => wanted.forEach(connect),

  untilSynced: ({ peers: names, seconds = 20 }) => until(
    () => names.every(name => peerOf(name).provider.synced), seconds,
    () => `not synced: ${names.filter(name => !peerOf(name).provider.synced)}`
  ),

  untilDisconnected: ({ peers: names, seconds = 20 }) => until(
    () => names.every(name => !peerOf(name).provider.wsconnected), seconds,
    () => `still connected: ${names.filter(name => peerOf(name).provider.wsconnected)}`
  ),

  /** Waits until all peers hold the same edits and deletions; answers with the one description they share. */
  untilConverged: async ({ peers: names, seconds = 20 }) => {
    await until(() => haveConverged(names), seconds, () => `not the same state: ${names.map(n => documents.state({ doc: n }))}`)
    const [first, ...others] = names.map(name => JSON.stringify(describe(documentOf(name))))
    const different = others.findIndex(other => other !== first)
    if (different !== -1) throw new Error(`equal states, different content: ${first} against ${others[different]}`)
    return JSON.parse(first)
  },

  /** Waits until all peers have at least the edits that a state vector counts. */
  untilHas: ({ peers: names, state, seconds = 20 }) => {
    const wanted = [...Y.decodeStateVector(decode(state))]
    const has = name => wanted.every(([client, clock]) => Y.getState(documentOf(name).store, client) >= clock)
    return until(() => names.every(has), seconds, () => `edits are missing: ${names.filter(name => !has(name))}`)
  },

  untilAllSaved: ({ peers: names, seconds = 20 }) => {
    const own = name => Y.getState(documentOf(name).store, documentOf(name).clientID)
    const waiting = () => names.filter(name => (peerOf(name).saved.at(-1) ?? 0) < own(name))
    return until(() => waiting().length === 0, seconds, () => `edits not confirmed as saved: ${waiting()}`)
  },

  untilSomeSaved: ({ peers: names, edits, seconds = 20 }) => until(
    () => names.every(name => (peerOf(name).saved.at(-1) ?? 0) >= edits), seconds,
    () => `fewer than ${edits} edits confirmed: ${names.map(name => peerOf(name).saved.at(-1) ?? 0)}`
  ),

  setAwareness: ({ peer, state }) => peerOf(peer).provider.awareness.setLocalState(state),

  untilAwareness: ({ peers: names, states, seconds = 20 }) => until(
    () => names.every(name => same(statesOf(name), states)), seconds,
    () => `awareness is ${JSON.stringify(names.map(statesOf))}, not ${JSON.stringify(states)}`
  ),

  /** Edits at random every few milliseconds until `rest`. */
  keepEditing: ({ peers: names, seed, milliseconds = 3 }) => names.forEach((name, index) => {
    const generator = prng.create(seed + index)
    typists.set(name, setInterval(
      () => documents.edit({ doc: name, seed: prng.uint32(generator, 0, 0xffffffff), count: 2 }), milliseconds
    ))
  }),

  rest: ({ peers: names }) => stopTyping(names),

  /** What happened on the wire so far: edits confirmed as saved, close codes, message types no plain client should see. */
  history: ({ peer }) => {
    const { saved, closes, unknown, errors } = peerOf(peer)
    return { saved, closes, unknown, errors }
  },

  /** Goes offline politely: says goodbye in awareness and closes the socket. */
  disconnect: ({ peers: names }) => names.forEach(name => peerOf(name).provider.disconnect()),

  reconnect: ({ peers: names }) => names.forEach(name => peerOf(name).provider.connect()),

  /** Drops the TCP connection without a word, and stays away. */
  vanish: ({ peers: names }) => names.forEach(name => {
    const { provider } = peerOf(name)
    provider.shouldConnect = false
    provider.ws.terminate()
  }),

  leave: ({ peers: names }) => {
    stopTyping(names)
    for (const name of names) {
      peerOf(name).provider.destroy()
      peers.delete(name)
    }
    documents.forget({ docs: names })
  }
}

export const destroyAll = () => methods.leave({ peers: [...peers.keys()] })
