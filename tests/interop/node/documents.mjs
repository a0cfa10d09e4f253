// Yjs documents by name: created, edited at random, fed updates, described.

import * as Y from 'yjs'
import * as prng from 'lib0/prng'
import { editAtRandom, editInTheCrowd } from './edits.mjs'
import { portrait, plain } from './portrait.mjs'

/** @type {Map<string, { doc: Y.Doc, outbox: Uint8Array[] }>} */
const replicas = new Map()

/** The origin given to updates that came from outside, so that they are not sent out again. */
const REMOTE = 'remote'

export const encode = bytes => Buffer.from(bytes).toString('base64')
export const decode = text => new Uint8Array(Buffer.from(text, 'base64'))

/** The author of documents that only read: an id that no experiment hands to a writer. */
const READER = 0xfffffffb

/** The shared types at the root of every document of the experiments: name, and how to open it. */
export const ROOTS = {
  text: doc => doc.getText('text'),
  array: doc => doc.getArray('array'),
  map: doc => doc.getMap('map'),
  everything: doc => doc.getMap('everything'),
  xml: doc => doc.getXmlFragment('xml')
}

const openRoots = doc => Object.fromEntries(Object.entries(ROOTS).map(([name, open]) => [name, open(doc)]))

/** Registers `doc` under `name`; what is edited in it is collected until `take` asks for it. */
export const register = (name, doc) => {
  const replica = { doc, outbox: [] }
  doc.on('update', (update, origin) => {
    if (origin !== REMOTE) replica.outbox.push(update)
  })
  openRoots(doc)
  replicas.set(name, replica)
  return doc
}

export const documentOf = name => {
  const replica = replicas.get(name)
  if (replica === undefined) throw new Error(`no document called ${name}`)
  return replica.doc
}

/** What Yjs does with updates of an encoding version. */
const codec = version => version === 2
  ? {
      applyUpdate: Y.applyUpdateV2,
      encodeStateAsUpdate: Y.encodeStateAsUpdateV2,
      mergeUpdates: Y.mergeUpdatesV2,
      diffUpdate: Y.diffUpdateV2,
      encodeStateVectorFromUpdate: update => Y.encodeStateVectorFromUpdateV2(update),
      convertUpdate: Y.convertUpdateFormatV2ToV1
    }
  : {
      applyUpdate: Y.applyUpdate,
      encodeStateAsUpdate: Y.encodeStateAsUpdate,
      mergeUpdates: Y.mergeUpdates,
      diffUpdate: Y.diffUpdate,
      encodeStateVectorFromUpdate: Y.encodeStateVectorFromUpdate,
      convertUpdate: Y.convertUpdateFormatV1ToV2
    }

const take = replica => replica.outbox.splice(0).map(encode)

const create = (client, gc) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = client
  return doc
}

const byClient = ([left], [right]) => left - right

/** Deleted clock ranges, sorted and joined: equal documents give equal lists. */
const ranges = deletes => {
  const pairs = list => list.map(({ clock, len }) => [clock, clock + len])
  return [...Y.mergeDeleteSets([deletes]).clients.entries()].sort(byClient).map(([client, list]) => [client, pairs(list)])
}

/** All that two replicas must agree on to hold the same edits. */
const extent = doc => ({
  state: encode(Y.encodeStateVector(doc)),
  deleted: ranges(Y.createDeleteSetFromStructStore(doc.store)),
  pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null
})

/** All that a reader of the document can see. */
const content = doc => {
  const roots = openRoots(doc)
  return {
    roots: Object.fromEntries(Object.entries(roots).map(([name, type]) => [name, portrait(type)])),
    text: roots.text.toString(),
    xml: roots.xml.toString(),
    plain: { text: plain(roots.text), array: plain(roots.array), map: plain(roots.map) }
  }
}

export const describe = doc => ({ ...extent(doc), ...content(doc) })

export const methods = {
  create: ({ doc, client, gc = true }) => { register(doc, create(client, gc)) },

  forget: ({ docs }) => {
    for (const name of docs) {
      documentOf(name).destroy()
      replicas.delete(name)
    }
  },

  /** From now on the document's edits are another author's. */
  become: ({ doc, client }) => { documentOf(doc).clientID = client },

  /** Makes `count` random edits, several of them in one transaction at times; answers with the updates they made. */
  edit: ({ doc, seed, count, crowded = false }) => {
    const replica = replicas.get(doc)
    const generator = prng.create(seed)
    for (let left = count; left > 0;) {
      const together = Math.min(left, prng.bool(generator) ? 1 : prng.int32(generator, 1, 6))
      replica.doc.transact(() => {
        const edit = crowded ? editInTheCrowd : editAtRandom
        for (let i = 0; i < together; i++) edit(openRoots(replica.doc), generator)
      })
      left -= together
    }
    return take(replica)
  },

  /** Applies updates in the order given; answers with what Yjs itself changes in return (it tidies formatting marks). */
  apply: ({ doc, updates, version = 1 }) => {
    const replica = replicas.get(doc)
    for (const update of updates) codec(version).applyUpdate(replica.doc, decode(update), REMOTE)
    return take(replica)
  },

  /** Text insertions and deletions by UTF-16 offset: `["insert", 0, "a"]`, `["delete", 0, 1]`, one transaction each. */
  type: ({ doc, edits }) => {
    const replica = replicas.get(doc)
    const text = replica.doc.getText('text')
    for (const [act, at, what] of edits) act === 'insert' ? text.insert(at, what) : text.delete(at, what)
    return take(replica)
  },

  describe: ({ doc }) => describe(documentOf(doc)),

  /**
   * What Yjs makes of `updates` in a fresh document. The deletions are those the updates name: reading formatted text,
   * Yjs may delete a superfluous mark on its own account.
   */
  read: ({ updates }) => {
    const doc = create(READER, true)
    openRoots(doc)
    for (const update of updates) Y.applyUpdate(doc, decode(update))
    const deletes = Y.mergeDeleteSets(updates.map(update => Y.decodeUpdate(decode(update)).ds))
    const description = { ...describe(doc), deleted: ranges(deletes) }
    doc.destroy()
    return description
  },

  update: ({ doc, state = null, version = 1 }) =>
    encode(codec(version).encodeStateAsUpdate(documentOf(doc), state === null ? undefined : decode(state))),
  state: ({ doc }) => encode(Y.encodeStateVector(documentOf(doc))),
  merge: ({ updates, version = 1 }) => encode(codec(version).mergeUpdates(updates.map(decode))),
  diff: ({ update, state, version = 1 }) => encode(codec(version).diffUpdate(decode(update), decode(state))),
  stateOf: ({ update, version = 1 }) => encode(codec(version).encodeStateVectorFromUpdate(decode(update))),
  convert: ({ update, source }) => encode(codec(source).convertUpdate(decode(update))),

  /** Whether Yjs reads `update` into a fresh document, and if not, how it complains. */
  accepts: ({ update }) => {
    try {
      Y.applyUpdate(create(READER, true), decode(update))
      return null
    } catch (error) {
      return String(error)
    }
  },

  versions: async () => {
    const { readFile } = await import('node:fs/promises')
    const names = ['yjs', 'lib0', 'y-protocols', 'y-websocket', 'ws']
    const read = async name => {
      const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
      return [name, JSON.parse(await readFile(manifest, 'utf8')).version]
    }
    return { node: process.version, ...Object.fromEntries(await Promise.all(names.map(read))) }
  }
}
