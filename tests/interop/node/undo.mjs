// Replays a history of edits, undos and redos in a Yjs document, and says what it was after each step.

import * as Y from 'yjs'

const TYPES = { text: Y.Text, array: Y.Array, map: Y.Map }

const at = (doc, [root, ...path]) =>
  path.reduce((type, step) => type.get(step), doc.get(root, TYPES[root]))

const value = json => (json?.$ === undefined ? json : new TYPES[json.$]())

const edits = {
  insertText: (type, index, text) => type.insert(index, text),
  deleteText: (type, index, count) => type.delete(index, count),
  insert: (type, index, values) => type.insert(index, values.map(value)),
  delete: (type, index, count) => type.delete(index, count),
  set: (type, key, json) => type.set(key, value(json)),
  remove: (type, key) => type.delete(key)
}

const decode = text => new Uint8Array(Buffer.from(text, 'base64'))

const ranges = doc =>
  [...Y.snapshot(doc).ds.clients]
    .map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, clock + len])])
    .sort(([left], [right]) => left - right)

const play = ({ client, scopes, timeout, steps, gc }) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = client
  const roots = Object.keys(TYPES).map(root => doc.get(root, TYPES[root]))
  const scope = scopes.length === 0 ? doc : scopes.map(root => doc.get(root, TYPES[root]))
  const manager = new Y.UndoManager(scope, { captureTimeout: timeout })
  const transact = origin => list =>
    doc.transact(() => list.forEach(([edit, path, ...rest]) => edits[edit](at(doc, path), ...rest)), origin)
  let positions = []
  const kinds = {
    edit: transact(null),
    other: transact('other'),
    remote: update => Y.applyUpdate(doc, decode(update), 'remote'),
    undo: () => manager.undo(),
    redo: () => manager.redo(),
    stop: () => manager.stopCapturing(),
    clear: () => manager.clear(),
    position: (index, assoc) =>
      positions.push(Y.createRelativePositionFromTypeIndex(doc.getText('text'), index, assoc))
  }
  return steps.map(([kind, ...rest]) => {
    try {
      kinds[kind](...rest)
    } catch (error) {
      return { error: error.stack }
    }
    return {
      content: roots.map(type => type.toJSON()),
      state: Buffer.from(Y.encodeStateVector(doc)).toString('base64'),
      deleted: ranges(doc),
      stacks: scopes.length === 0 ? null : [manager.undoStack.length, manager.redoStack.length],
      positions: positions.map(position => [
        Buffer.from(Y.encodeRelativePosition(position)).toString('base64'),
        Y.createAbsolutePositionFromRelativePosition(position, doc)?.index ?? null
      ])
    }
  })
}

export const methods = { undoHistory: play }
