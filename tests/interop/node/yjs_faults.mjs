// Five faults of npm yjs that histories run into, each in as few steps as show it. No document here is ours.

import * as Y from 'yjs'
import { bringsBackOthers, isLostParent, lookAgain, reversed, takesOthers } from './documents.mjs'

const documentOf = client => {
  const doc = new Y.Doc()
  doc.clientID = client
  return doc
}

const copyOf = (doc, client) => {
  const copy = documentOf(client)
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  return copy
}

/** Blocks by author 1 in an update each: `x`, `g`, `b` that names the `g` as both its origins, a mark between `x` and `g`. */
const CUT = {
  apart: ['AQQBAAQBBHRleHQBeIQBAAFnxAEBAQEBYsYBAAEBBGxpbmsEdHJ1ZQA='],
  joined: ['AQMBAAQBBHRleHQCeGfEAQEBAQFixgEAAQEEbGluawR0cnVlAA=='],
  arriving: ['AQIBAAQBBHRleHQBeIQBAAFnAA==', 'AQIBAsQBAQEBAWLGAQABAQRsaW5rBHRydWUA']
}

/**
 * The same units in one update with `x` and `g` apart, in one with both in a run, and in two, of which the first lets
 * them grow together. What names the `g` as both its origins goes right of it where it is a block, and left of it where
 * it has to be split off; a copy of any of these has the `g` apart, as the mark stands left of it.
 */
const cutOtherwise = () => Object.fromEntries(Object.entries(CUT).map(([how, updates]) => {
  const doc = documentOf(2)
  for (const update of updates) Y.applyUpdate(doc, new Uint8Array(Buffer.from(update, 'base64')))
  const read = from => from.getText('text').toString()
  return [how, { read: read(doc), copy: read(copyOf(doc, 3)), reversed: reversed(doc) }]
}))

const receive = (doc, other) => Y.applyUpdate(doc, Y.encodeStateAsUpdate(other), 'remote')

/**
 * An undo brings `z` back between two neighbors. The one on the left is `x`, which had come back before; the one on the
 * right is the `x` that had been deleted, and what stands for that is the same `x`. The block that is written names one
 * unit as both its origins. Its author has it right of that; who receives it splits the run that ends there, keeps the
 * first half as the left neighbor, and has it left of that.
 */
const disagreement = () => {
  const doc = documentOf(5)
  const root = doc.getArray('array')
  const manager = new Y.UndoManager(root, { captureTimeout: 0 })
  root.insert(0, [Y.Array.from(['w', 'x'])])
  root.get(0).delete(1)
  manager.undo()
  const other = copyOf(doc, 6)
  other.getArray('array').get(0).insert(2, ['z'])
  receive(doc, other)
  root.delete(0)
  manager.undo()
  const reader = copyOf(doc, 7)
  return { author: root.toJSON(), reader: reader.getArray('array').toJSON(), reversed: reversed(doc) }
}

/** What holds what is to come back: how it is made, how one thing is deleted in it, and another one added. */
const HOLDERS = {
  map: { make: () => new Y.Map([['a', 1]]), remove: map => map.delete('a'), add: map => map.set('b', 2) },
  array: { make: () => Y.Array.from([1]), remove: array => array.delete(0), add: array => array.push([2]) }
}

/**
 * What an undo brings back is kept from being collected, but the next edit forgets what could be redone, and with it that
 * the type which holds that must stay. Somebody else deletes the type, it is collected, and an undo looks into it. How it
 * fails depends on what the type is, and on whether it was collected alone or with the one around it.
 */
const failure = ({ holder, within }) => {
  const { make, remove, add } = HOLDERS[holder]
  const doc = documentOf(1)
  const root = doc.getMap('map')
  const inner = () => root.get('outer').get('inner')
  const take = from => within ? from.delete('outer') : from.get('outer').delete('inner')
  root.set('outer', new Y.Map([['inner', make()]]))
  const manager = new Y.UndoManager(root, { captureTimeout: 0 })
  remove(inner())
  take(root)
  manager.undo()
  add(inner())
  manager.undo()
  root.set('other', 3)
  const other = copyOf(doc, 2)
  take(other.getMap('map'))
  receive(doc, other)
  manager.undo()
  try {
    manager.undo()
    return null
  } catch (error) {
    return { error: String(error), isLostParent: isLostParent(error) }
  }
}

/** A text in a map, what is done to it by whom, and what is left when all of that is undone. */
const undone = act => {
  const doc = documentOf(1)
  const root = doc.getMap('map')
  root.set('text', new Y.Text('inner'))
  const manager = new Y.UndoManager(root, { captureTimeout: 0 })
  act(root, manager)
  while (manager.undoStack.length > 1) manager.undo()
  const [step] = manager.undoStack
  const foreseen = takesOthers(doc, step)
  manager.undo()
  return { left: root.get('text').toString(), foreseen }
}

/** `abc` comes back as one block, which what is typed into it cuts in two: of that the first half alone is taken away. */
const cutApart = () => undone((root, manager) => {
  root.get('text').insert(0, 'abc')
  root.get('text').delete(0, 3)
  manager.undo()
  root.get('text').insert(1, 'X')
})

/** `a` comes back and then `i`, which had been there from the beginning, and the two are one block. */
const grownTogether = () => undone(root => {
  root.get('text').insert(0, 'a')
  root.get('text').delete(1, 1)
  root.delete('text')
})

/**
 * `ab` came back left of where it was; there, between the two that are gone, somebody else put `X`. Then the whole text is
 * deleted and comes back. To see what stands right of the `ab` that came back, Yjs looks at the `b` that is gone, finds that
 * it came back as the second half of the same block, and cuts that in two: the first half comes back, of the other one
 * nobody knows that it should. Where a `Z` has cut it before, all of it comes back, but Yjs finds `X` right of the `a` that is
 * gone, and so puts it right of the one that came back.
 */
const comingBack = ({ cut }) => {
  const doc = documentOf(1)
  const root = doc.getArray('array')
  root.insert(0, [new Y.Text('ab')])
  const manager = new Y.UndoManager(root, { captureTimeout: 0 })
  const other = copyOf(doc, 2)
  root.get(0).delete(0, 2)
  manager.undo()
  if (cut) root.get(0).insert(1, 'Z')
  other.getArray('array').get(0).insert(1, 'X')
  receive(doc, other)
  const before = root.get(0).toString()
  root.delete(0)
  const isOther = bringsBackOthers(doc, manager.undoStack.at(-1))
  manager.undo()
  return { before, after: root.get(0).toString(), seen: isOther() }
}

/**
 * Of `a-cdb`, the dash is by somebody with a greater id, and comes together with `d`, before all else. It waits for `b`, the
 * second unit of its neighbor's author, of whom `d` is there: so Yjs notes that it waits for what comes before `d`. When `b`
 * is there it does not look again, `c` waits for the dash, and all three stay out when nothing is missing any more.
 */
const leftWaiting = () => {
  const doc = documentOf(1)
  const text = doc.getText('text')
  const updates = []
  doc.on('update', (update, origin) => { if (origin !== 'remote') updates.push(update) })
  text.insert(0, 'a')
  text.insert(1, 'b')
  const other = copyOf(doc, 2)
  other.getText('text').insert(1, '-')
  const dash = Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc))
  receive(doc, other)
  text.insert(2, 'c')
  text.insert(3, 'd')
  const [a, b, c, d] = updates
  const reader = documentOf(3)
  for (const update of [Y.mergeUpdates([dash, d]), a, b, c]) Y.applyUpdate(reader, update)
  const left = reader.getText('text').toString()
  return { written: text.toString(), left, found: lookAgain(reader), read: reader.getText('text').toString() }
}

export const methods = { disagreement, cutOtherwise, failure, cutApart, grownTogether, comingBack, leftWaiting }
