// Replays a history of edits, undos and redos in a Yjs document, and says what it was after each step.

import * as Y from 'yjs'
import { bringsBackOthers, content, decode, encode, extent, isLostParent, reversed, takesOthers, undoManager } from './documents.mjs'
import { openRoots } from './roots.mjs'
import { make } from './scripted.mjs'

const indexOf = (position, doc) => Y.createAbsolutePositionFromRelativePosition(position, doc)?.index ?? null

const play = ({ client, scopes, timeout, origins = [null], steps, gc }) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = client
  openRoots(doc)
  const manager = undoManager(doc, { scopes, timeout, origins })
  const transact = origin => list => doc.transact(() => list.forEach(edit => make(doc, edit)), origin)
  let updates = []
  doc.on('update', update => updates.push(encode(update)))
  const positions = []
  const kinds = {
    edit: transact(origins[0]),
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
    updates = []
    const stack = { undo: manager.undoStack, redo: manager.redoStack }[kind] ?? []
    const others = stack.map(step => takesOthers(doc, step))
    const comeBackOthers = stack.map(step => bringsBackOthers(doc, step))
    try {
      kinds[kind](...rest)
    } catch (error) {
      return { error: error.stack, fails: isLostParent(error) }
    }
    return {
      updates,
      ...extent(doc),
      disagrees: reversed(doc).includes(client),
      takesOthers: others.slice(stack.length).includes(true),
      bringsBackOthers: comeBackOthers.slice(stack.length).some(ask => ask()),
      content: content(doc),
      stacks: scopes.length === 0 ? null : [manager.undoStack.length, manager.redoStack.length],
      positions: positions.map(position => [encode(Y.encodeRelativePosition(position)), indexOf(position, doc)])
    }
  })
}

export const methods = {
  undoHistory: play,

  /** The authors of reversed blocks in an update. */
  reversedIn: ({ update }) => {
    const doc = new Y.Doc()
    openRoots(doc)
    Y.applyUpdate(doc, decode(update))
    return reversed(doc)
  }
}
