// Two faults of npm yjs that histories run into, each in as few steps as show it. No document here is ours.

import * as Y from 'yjs'
import { isLostParent, reversed } from './documents.mjs'

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

/**
 * What an undo brings back is kept from being collected, but the next edit forgets what could be redone, and with it that
 * the type which holds that must stay. Somebody else deletes the type, it is collected, and an undo looks into it.
 */
const failure = () => {
  const doc = documentOf(1)
  const map = doc.getMap('map')
  map.set('inner', new Y.Map([['a', 1]]))
  const manager = new Y.UndoManager(map, { captureTimeout: 0 })
  map.get('inner').delete('a')
  map.delete('inner')
  manager.undo()
  map.get('inner').set('b', 2)
  manager.undo()
  map.set('other', 3)
  const other = copyOf(doc, 2)
  other.getMap('map').delete('inner')
  receive(doc, other)
  manager.undo()
  try {
    manager.undo()
    return null
  } catch (error) {
    return { error: String(error), isLostParent: isLostParent(error) }
  }
}

export const methods = { disagreement, failure }
