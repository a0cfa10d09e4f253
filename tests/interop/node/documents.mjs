// Yjs documents by name: created, edited at random, fed updates, described.

import * as Y from 'yjs'
import * as prng from 'lib0/prng'
import { editAtRandom, editInTheCrowd } from './edits.mjs'
import { portrait, plain } from './portrait.mjs'
import { openRoots } from './roots.mjs'

/**
 * What is known of a document: its edits that nobody has asked for, in both encodings, its undo manager, and how many
 * operations of each kind it has made.
 *
 * @typedef {{ doc: Y.Doc, outbox: { 1: Uint8Array[], 2: Uint8Array[] }, manager: Y.UndoManager | null,
 *   operations: Object<string, number> }} Replica
 */

/** @type {Map<string, Replica>} */
const replicas = new Map()

/** The origin given to updates that came from outside, so that they are not sent out again. */
const REMOTE = 'remote'

export const encode = bytes => Buffer.from(bytes).toString('base64')
export const decode = text => new Uint8Array(Buffer.from(text, 'base64'))

/** The author of documents that only read: an id that no experiment hands to a writer. */
const READER = 0xfffffffb

/** Registers `doc` under `name`; what is edited in it is collected until `take` asks for it. */
export const register = (name, doc) => {
  const replica = { doc, outbox: { 1: [], 2: [] }, manager: null, operations: {} }
  const collect = version => (update, origin) => {
    if (origin !== REMOTE) replica.outbox[version].push(update)
  }
  doc.on('update', collect(1))
  doc.on('updateV2', collect(2))
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
      decodeUpdate: Y.decodeUpdateV2,
      encodeStateVectorFromUpdate: update => Y.encodeStateVectorFromUpdateV2(update),
      convertUpdate: Y.convertUpdateFormatV2ToV1
    }
  : {
      applyUpdate: Y.applyUpdate,
      encodeStateAsUpdate: Y.encodeStateAsUpdate,
      mergeUpdates: Y.mergeUpdates,
      diffUpdate: Y.diffUpdate,
      decodeUpdate: Y.decodeUpdate,
      encodeStateVectorFromUpdate: Y.encodeStateVectorFromUpdate,
      convertUpdate: Y.convertUpdateFormatV1ToV2
    }

const take = ({ outbox }, version = 1) => {
  const taken = outbox[version].map(encode)
  outbox[1].length = outbox[2].length = 0
  return taken
}

const create = (client, gc) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = client
  return doc
}

const byClient = ([left], [right]) => left - right

/** An undo manager of roots, or with none of the whole document; it captures the edits of `origins`. */
export const undoManager = (doc, { scopes, timeout, origins = [null] }) => {
  const roots = openRoots(doc)
  return new Y.UndoManager(scopes.length === 0 ? doc : scopes.map(root => roots[root]), {
    captureTimeout: timeout, trackedOrigins: new Set(origins)
  })
}

/** Deleted clock ranges, sorted and joined: equal documents give equal lists. */
export const ranges = deletes => {
  const pairs = list => list.map(({ clock, len }) => [clock, clock + len])
  return [...Y.mergeDeleteSets([deletes]).clients.entries()].sort(byClient).map(([client, list]) => [client, pairs(list)])
}

/** All that two replicas must agree on to hold the same edits. */
export const extent = doc => ({
  state: encode(Y.encodeStateVector(doc)),
  deleted: ranges(Y.createDeleteSetFromStructStore(doc.store)),
  pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null
})

/** All that a reader of the document can see. */
export const content = doc => {
  const roots = openRoots(doc)
  return {
    roots: Object.fromEntries(Object.entries(roots).map(([name, type]) => [name, portrait(type)])),
    text: roots.text.toString(),
    xml: roots.xml.toString(),
    plain: { text: plain(roots.text), array: plain(roots.array), map: plain(roots.map) }
  }
}

const at = ({ client, clock }) => `${client} ${clock}`

/** Where each unit of a sequence stands in it. */
const order = first => {
  const places = new Map()
  for (let item = first; item !== null; item = item.right) {
    for (let unit = 0; unit < item.length; unit++) {
      places.set(at({ client: item.id.client, clock: item.id.clock + unit }), places.size)
    }
  }
  return places
}

/**
 * The authors of blocks that say they were inserted between two units of which the right one does not stand right of the
 * left one. Yjs writes such blocks, see `yjs_faults.mjs`, and where they go depends on how blocks happen to be merged.
 */
export const reversed = doc => {
  const authors = new Set()
  const sequences = Object.values(openRoots(doc))
  for (const { _start: first, _map: entries } of sequences) {
    const places = order(first)
    const items = [...entries.values()]
    for (let item = first; item !== null; item = item.right) items.push(item)
    for (const { id, origin, rightOrigin, parentSub, content } of items) {
      const [left, right] = [origin, rightOrigin].map(unit => (unit === null ? undefined : places.get(at(unit))))
      if (parentSub === null && right <= left) authors.add(id.client)
      if (content instanceof Y.ContentType) sequences.push(content.type)
    }
  }
  return [...authors]
}

const indices = (doc, positions) => positions.map(position =>
  Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(decode(position)), doc)?.index ?? null)

const note = (replica, kind) => {
  if (kind !== null) replica.operations[kind] = (replica.operations[kind] ?? 0) + 1
}

/** One to six edits in a transaction, at most `left`; returns how many. */
const editTogether = (replica, generator, left, crowded) => {
  const together = Math.min(left, prng.bool(generator) ? 1 : prng.int32(generator, 1, 6))
  const edit = crowded ? editInTheCrowd : editAtRandom
  replica.doc.transact(() => {
    for (let i = 0; i < together; i++) note(replica, edit(openRoots(replica.doc), generator))
  })
  return together
}

/** The kind under which an undo or redo counts in which Yjs failed. */
const FAILED_STEP = 'step that fails in Yjs'

/**
 * Whether an error is one of those that Yjs throws when something is to come back into a type that came back itself, has
 * been deleted by somebody else since and been collected. Pure Yjs gets there in each of these ways, see `yjs_faults.mjs`.
 */
export const isLostParent = error =>
  error instanceof TypeError && /reading '(_map|_item|client)'/.test(error.message) && /^\s+at redoItem /m.test(error.stack)

/** The kind under which it counts that Yjs had to be asked to look again at what waits. */
const LEFT_WAITING = 'blocks that Yjs leaves waiting'

/**
 * Has Yjs look again at the blocks that wait, as long as some can be integrated; returns whether any could. Yjs should have
 * done so when the last one of those they need came, but does not always, see `yjs_faults.mjs`.
 */
export const lookAgain = doc => {
  let found = false
  for (;;) {
    const waiting = doc.store.pendingStructs
    if (waiting === null) return found
    const before = encode(Y.encodeStateVector(doc))
    doc.store.pendingStructs = null
    Y.applyUpdateV2(doc, waiting.update, REMOTE)
    if (encode(Y.encodeStateVector(doc)) === before) return found
    found = true
  }
}

/** What stands for a unit after all that was brought back, and which of its units. */
const standsFor = (store, { client, clock }) => {
  for (;;) {
    const item = Y.getItem(store, Y.createID(client, clock))
    if (!(item instanceof Y.Item) || item.redone === null) return { item, clock }
    clock += item.redone.clock - item.id.clock
    client = item.redone.client
  }
}

/** Units of a block from one on, as text; none if it is deleted. */
const unitsOf = (item, from, to) =>
  item instanceof Y.Item && !item.deleted
    ? Array.from({ length: to - from }, (_, index) => at(Y.createID(item.id.client, from + index)))
    : []

/**
 * Whether a step would take away other units than those that it is about. What stands for some that were brought back,
 * Yjs takes to be the block that begins with the first of them. That can have been cut since, or have grown together
 * with others, see `yjs_faults.mjs`.
 */
export const takesOthers = ({ store }, { insertions }) =>
  [...insertions.clients].some(([client, ranges]) =>
    ranges.some(({ clock: start, len }) =>
      (store.clients.get(client) ?? []).some(block => {
        const from = Math.max(start, block.id.clock)
        const to = Math.min(start + len, block.id.clock + block.length)
        if (from >= to || !(block instanceof Y.Item) || block.redone === null) return false
        const units = Array.from({ length: to - from }, (_, index) => standsFor(store, { client, clock: from + index }))
        const [{ item, clock }] = units
        const taken = unitsOf(item, clock, item.id.clock + item.length)
        return taken.join() !== units.flatMap(({ item, clock }) => unitsOf(item, clock, clock + 1)).join()
      })
    )
  )

const isWithin = (set, client, clock) =>
  (set.clients.get(client) ?? []).some(({ clock: start, len }) => start <= clock && clock < start + len)

/** The units that a step brings back, as Yjs does it: those of each block together. */
const comingBack = ({ store }, { deletions, insertions }) =>
  [...deletions.clients].flatMap(([client, ranges]) =>
    ranges.flatMap(({ clock: start, len }) =>
      (store.clients.get(client) ?? []).flatMap(block => {
        if (!(block instanceof Y.Item) || block.redone !== null) return []
        const from = Math.max(start, block.id.clock)
        const to = Math.min(start + len, block.id.clock + block.length)
        const clocks = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
        return [clocks.filter(clock => !isWithin(insertions, client, clock)).map(clock => Y.createID(client, clock))]
      })
    )
  )

/**
 * Whether what stands in a copy of a type for the units of the type itself is in another order than they are. What came
 * back when the type was still there does not stand where it was, but where its copy does.
 */
const isShuffled = (store, type) => {
  if (type._item === null || !type._item.deleted) return false
  const copy = standsFor(store, type._item.id).item
  if (copy === type._item || !(copy.content instanceof Y.ContentType)) return false
  const places = order(copy.content.type._start)
  const found = []
  for (let item = type._start; item !== null; item = item.right) {
    for (let unit = 0; item.redone !== null && unit < item.length; unit++) {
      let [next, clock] = [item, item.id.clock + unit]
      do {
        clock += next.redone.clock - next.id.clock
        next = Y.getItem(store, Y.createID(next.redone.client, clock))
      } while (next.parent !== type && next.redone !== null && next.parent !== copy.content.type)
      if (next.parent === copy.content.type) found.push(places.get(at(Y.createID(next.id.client, clock))))
    }
  }
  return found.some((place, index) => index > 0 && place <= found[index - 1])
}

/**
 * What a step is to bring back; asked once the step is taken, whether a block of that came back only in part, or in another
 * order than it was in. Looking for neighbors, Yjs takes what had come back, in a type that has been deleted since, to be
 * where it was first, and cuts a block in two to get there, of which it then forgets one half, see `yjs_faults.mjs`.
 */
export const bringsBackOthers = (doc, step) => {
  const blocks = comingBack(doc, step)
  return () => {
    const cameBack = blocks.map(units => units.map(unit => Y.getItem(doc.store, unit)))
    const isInPart = items => new Set(items.map(item => item.redone === null)).size > 1
    const types = new Set(cameBack.flat().filter(item => item.parentSub === null).map(item => item.parent))
    return cameBack.some(isInPart) || [...types].some(type => isShuffled(doc.store, type))
  }
}

/** Undoes or redoes; returns whether Yjs managed to. The document holds what was done until then, and that is sent. */
const takeBack = (manager, step) => {
  try {
    manager[step]()
    return true
  } catch (error) {
    if (!isLostParent(error)) throw error
    return false
  }
}

/** An undo or redo at times, if there is anything to take back; returns how many, 0 or 1. */
const stepBack = (replica, generator) => {
  const { manager } = replica
  if (manager === null || prng.int32(generator, 0, 99) < 75) return 0
  const step = pickStep(manager, generator)
  if (step === null) return 0
  note(replica, takeBack(manager, step) ? step : FAILED_STEP)
  return 1
}

const pickStep = (manager, generator) => {
  const act = prng.int32(generator, 0, 9)
  if (act === 0) manager.stopCapturing()
  if (act < 6 && manager.undoStack.length > 0) return 'undo'
  return manager.redoStack.length > 0 ? 'redo' : null
}

export const describe = doc => ({ ...extent(doc), ...content(doc) })

export const methods = {
  /** With `undo`, which names the roots in scope (none for the whole document) and a timeout, it can take edits back. */
  create: ({ doc, client, gc = true, undo = null }) => {
    register(doc, create(client, gc))
    if (undo !== null) replicas.get(doc).manager = undoManager(documentOf(doc), undo)
  },

  forget: ({ docs }) => {
    for (const name of docs) {
      documentOf(name).destroy()
      replicas.delete(name)
    }
  },

  /** From now on the document's edits are another author's. */
  become: ({ doc, client }) => { documentOf(doc).clientID = client },

  /** Makes `count` random edits, several of them in one transaction at times; answers with the updates they made. */
  edit: ({ doc, seed, count, crowded = false, answer_in: answerIn = 1 }) => {
    const replica = replicas.get(doc)
    const generator = prng.create(seed)
    for (let left = count; left > 0;) left -= stepBack(replica, generator) || editTogether(replica, generator, left, crowded)
    return take(replica, answerIn)
  },

  /** How many edits, undos and redos of each kind the document has made. */
  operations: ({ doc }) => replicas.get(doc).operations,

  /** Applies updates in the order given; answers with what Yjs itself changes in return (it tidies formatting marks). */
  apply: ({ doc, updates, version = 1, answer_in: answerIn = 1 }) => {
    const replica = replicas.get(doc)
    for (const update of updates) codec(version).applyUpdate(replica.doc, decode(update), REMOTE)
    return take(replica, answerIn)
  },

  /** Integrates what Yjs has left waiting although nothing is missing; answers as `apply` does. */
  lookAgain: ({ doc, answer_in: answerIn = 1 }) => {
    const replica = replicas.get(doc)
    if (lookAgain(replica.doc)) note(replica, LEFT_WAITING)
    return take(replica, answerIn)
  },

  extent: ({ doc }) => extent(documentOf(doc)),

  reversed: ({ doc }) => reversed(documentOf(doc)),

  snapshot: ({ doc }) => encode(Y.encodeSnapshot(Y.snapshot(documentOf(doc)))),

  /** What the document, which keeps what is deleted, was in a version. */
  contentAsOf: ({ doc, snapshot }) => {
    const then = Y.createDocFromSnapshot(documentOf(doc), Y.decodeSnapshot(decode(snapshot)))
    const seen = content(then)
    then.destroy()
    return seen
  },

  /** Random places in the root text and the root array, as relative positions. */
  positions: ({ doc, seed, count }) => {
    const generator = prng.create(seed)
    const { text, array } = openRoots(documentOf(doc))
    return Array.from({ length: count }, () => {
      const type = prng.bool(generator) ? text : array
      const position = Y.createRelativePositionFromTypeIndex(
        type, prng.int32(generator, 0, type.length), prng.bool(generator) ? 0 : -1
      )
      return encode(Y.encodeRelativePosition(position))
    })
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
  read: ({ updates, version = 1, positions = [] }) => {
    const { applyUpdate, decodeUpdate } = codec(version)
    const doc = create(READER, true)
    openRoots(doc)
    for (const update of updates) applyUpdate(doc, decode(update))
    const deletes = Y.mergeDeleteSets(updates.map(update => decodeUpdate(decode(update)).ds))
    const description = { ...describe(doc), deleted: ranges(deletes), ...(positions.length > 0 && { positions: indices(doc, positions) }) }
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
