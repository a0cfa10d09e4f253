// What a document holds, as JSON that keeps every difference: kinds of shared types, -0, NaN, undefined, big integers, bytes.

import * as Y from 'yjs'

const sorted = entries => Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)))

const tagged = (kind, value) => ({ $: kind, value })

const number = value => {
  if (Number.isNaN(value)) return tagged('number', 'NaN')
  if (Object.is(value, -0)) return tagged('number', '-0')
  return Number.isFinite(value) ? value : tagged('number', String(value))
}

const bytes = value => tagged('bytes', Buffer.from(value).toString('base64'))

const operation = ({ insert, attributes }) =>
  ({ insert: portrait(insert), ...(attributes && { attributes: portrait(attributes) }) })

const children = type => type.toArray().map(portrait)

const attributes = type => portrait(type.getAttributes())

const sharedType = type => {
  if (type instanceof Y.XmlText) return { xmlText: type.toDelta().map(operation), attributes: attributes(type) }
  if (type instanceof Y.Text) return { text: type.toDelta().map(operation), attributes: attributes(type) }
  if (type instanceof Y.Array) return { array: children(type) }
  if (type instanceof Y.XmlHook) return { hook: type.hookName, map: sorted(entriesOf(type)) }
  if (type instanceof Y.Map) return { map: sorted(entriesOf(type)) }
  if (type instanceof Y.XmlElement) {
    return { element: type.nodeName, attributes: attributes(type), children: children(type) }
  }
  if (type instanceof Y.XmlFragment) return { fragment: children(type) }
  throw new Error(`no portrait of ${type.constructor.name}`)
}

const entriesOf = map => [...map.entries()].map(([key, value]) => [key, portrait(value)])

/** @returns {any} JSON; equal exactly when the two values are */
export const portrait = value => {
  if (value === undefined) return tagged('undefined', null)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return number(value)
  if (typeof value === 'bigint') return tagged('bigint', String(value))
  if (value instanceof Uint8Array) return bytes(value)
  if (value instanceof Y.AbstractType) return { type: sharedType(value) }
  if (value instanceof Y.Doc) return tagged('document', value.guid)
  if (Array.isArray(value)) return value.map(portrait)
  return sorted(Object.entries(value).map(([key, inner]) => [key, portrait(inner)]))
}

/** What a reader in another language sees: texts as strings, arrays as lists, maps as dictionaries, undefined as null. */
export const plain = value => {
  if (value === undefined) return null
  if (value instanceof Y.Text) return value.toString()
  if (value instanceof Y.Array) return value.toArray().map(plain)
  if (value instanceof Y.Map) return sorted([...value.entries()].map(([key, inner]) => [key, plain(inner)]))
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object' && value.constructor === Object) {
    return sorted(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  }
  return portrait(value)
}
