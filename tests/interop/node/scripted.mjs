// Makes the edits that `our_edits.py` describes, with the values that `our_values.py` describes.

import * as Y from 'yjs'
import { ROOTS } from './roots.mjs'

const entriesOf = object => Object.entries(object).map(([key, value]) => [key, built(value)])

const PLAIN = {
  bytes: ({ value }) => new Uint8Array(Buffer.from(value, 'base64')),
  bigint: ({ value }) => BigInt(value),
  number: ({ value }) => ({ nan: NaN, inf: Infinity, '-inf': -Infinity })[value],
  document: ({ guid, meta, autoLoad }) => new Y.Doc({ guid, meta, autoLoad })
}

const texts = strings => strings.map(string => new Y.XmlText(string))

/** How each shared type is made, and then filled. */
const SHARED = {
  text: [() => new Y.Text(), (text, { value }) => text.insert(0, value)],
  array: [() => new Y.Array(), (array, { value }) => array.insert(0, value.map(built))],
  map: [() => new Y.Map(), (map, { value }) => entriesOf(value).forEach(entry => map.set(...entry))],
  xmlText: [() => new Y.XmlText(), (text, { value }) => text.insert(0, value)],
  fragment: [() => new Y.XmlFragment(), (fragment, { children }) => fragment.insert(0, texts(children))],
  element: [({ name }) => new Y.XmlElement(name), (element, { children, attributes }) => {
    element.insert(0, texts(children))
    Object.entries(attributes).forEach(entry => element.setAttribute(...entry))
  }]
}

const empty = value => SHARED[value.$][0](value)

const fill = (type, value) => {
  SHARED[value.$][1](type, value)
  return type
}

const built = value => {
  if (Array.isArray(value)) return value.map(built)
  if (value === null || typeof value !== 'object') return value
  if (value.$ === undefined) return Object.fromEntries(entriesOf(value))
  return value.$ in SHARED ? fill(empty(value), value) : PLAIN[value.$](value)
}

/** In Python a shared type is filled after it was embedded; Yjs would fill it before the marks that end its attributes. */
const embed = (text, index, value, attributes) => {
  const isShared = value.$ in SHARED
  const embedded = isShared ? empty(value) : built(value)
  text.insertEmbed(index, embedded, attributes)
  if (isShared) fill(embedded, value)
}

const embeddedTypes = text => text.toDelta().map(({ insert }) => insert).filter(insert => insert instanceof Y.AbstractType)

const step = (type, to) => (type instanceof Y.Text ? embeddedTypes(type)[to] : type.get(to))

const MAKE = {
  'text.insert': (text, index, string, attributes) => text.insert(index, string, attributes ?? undefined),
  'text.embed': (text, index, value, attributes) => embed(text, index, value, attributes ?? undefined),
  'text.format': (text, start, stop, attributes) => text.format(start, stop - start, attributes),
  'text.delete': (text, start, stop) => text.delete(start, stop - start),
  'text.delta': (text, delta, sanitize) => text.applyDelta(delta, { sanitize }),
  'array.insert': (array, index, values) => array.insert(index, values.map(built)),
  'array.delete': (array, start, stop) => array.delete(start, stop - start),
  'map.set': (map, key, value) => map.set(key, built(value)),
  'map.delete': (map, key) => map.delete(key),
  'xml.insert': (tree, index, child) => tree.insert(index, [built(child)]),
  'xml.delete': (tree, start, stop) => tree.delete(start, stop - start),
  'attribute.set': (type, key, value) => type.setAttribute(key, built(value)),
  'attribute.delete': (type, key) => type.removeAttribute(key)
}

/** @param {[string, (string | number)[], ...any]} edit kind, path, arguments */
export const make = (doc, [kind, [root, ...steps], ...args]) => MAKE[kind](steps.reduce(step, ROOTS[root](doc)), ...args)
