// One random edit of one random shared type. `generator` (lib0/prng) makes every choice, so a seed repeats a whole history.

import * as Y from 'yjs'
import * as prng from 'lib0/prng'

const WORDS = [
  'a', 'b', 'word ', 'two words ', '\n', '\t', 'ß', 'é', 'e\u0301', 'a\u0302\u0323', '漢字', 'かな', '한글', 'עברית', '\u200d',
  '😀', '👩‍👩‍👧', '𝒳', '🇪🇺', '\u{10ffff}', '\u0000', 'plain ascii, a little longer than the rest; '
]
const KEYS = ['a', 'b', 'c', 'key', 'ключ', '🔑']
const MARKS = [
  ['bold', true], ['bold', null], ['italic', true], ['italic', null], ['color', 'red'], ['color', 'blue'], ['color', null],
  ['link', { href: 'https://example.org', nested: [1, null] }], ['link', null]
]

const pick = (generator, choices) => choices[prng.int32(generator, 0, choices.length - 1)]
const chance = (generator, percent) => prng.int32(generator, 0, 99) < percent

const words = generator => Array.from({ length: prng.int32(generator, 1, 4) }, () => pick(generator, WORDS)).join('')

const NUMBERS = [
  0, -0, 1, -1, 63, 64, -64, 127, 128, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53), 0.5, -1.25, 0.1, 1e300, 5e-324,
  NaN, Infinity, -Infinity, 3.4028234663852886e38
]
const INTEGERS = [0n, 1n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]

const bytes = generator => Uint8Array.from({ length: prng.int32(generator, 0, 9) }, () => prng.int32(generator, 0, 255))

/** Anything that lib0's `any` encoding carries. */
const anything = (generator, depth = 0) => {
  const kinds = [
    () => pick(generator, NUMBERS), () => prng.int32(generator, -1000, 1000), () => words(generator),
    () => chance(generator, 50), () => null, () => undefined, () => pick(generator, INTEGERS), () => bytes(generator)
  ]
  if (depth < 3) {
    kinds.push(
      () => Array.from({ length: prng.int32(generator, 0, 3) }, () => anything(generator, depth + 1)),
      () => Object.fromEntries(
        Array.from({ length: prng.int32(generator, 0, 3) }, () => [pick(generator, KEYS), anything(generator, depth + 1)])
      )
    )
  }
  return pick(generator, kinds)()
}

/** Yjs refuses these two as items of an array, though it carries them deeper inside. */
const arrayItem = value => (value === undefined || typeof value === 'bigint' ? [value] : value)

/** JSON only: what embeds, formats and XML attributes hold. */
const json = generator => pick(generator, [
  { image: 'cat.png' }, { mention: words(generator), at: prng.int32(generator, 0, 99) }, { nested: { list: [1, 'zwei', null, true] } }
])

const text = generator => new Y.Text(words(generator))
const array = generator => Y.Array.from([prng.int32(generator, 0, 9), words(generator)])
const map = generator => new Y.Map([[pick(generator, KEYS), words(generator)]])

const element = generator => {
  const made = new Y.XmlElement(pick(generator, ['p', 'h1', 'li', 'img']))
  if (chance(generator, 50)) made.setAttribute(pick(generator, KEYS.slice(0, 4)), words(generator))
  if (chance(generator, 40)) made.insert(0, [new Y.XmlText(words(generator))])
  return made
}

const hook = generator => {
  const made = new Y.XmlHook(pick(generator, ['video', 'chart']))
  made.set(pick(generator, KEYS), words(generator))
  return made
}

const subdocument = generator =>
  new Y.Doc({ guid: `guid-${prng.int32(generator, 0, 0xffffff)}`, meta: { title: words(generator) }, autoLoad: chance(generator, 30) })

const sharedText = [text, array, map]
const sharedAnything = [...sharedText, element, hook, subdocument, generator => new Y.XmlText(words(generator))]

const content = (generator, shared) => chance(generator, 30) ? pick(generator, shared)(generator) : anything(generator)

/** A place in `length`, at the end more often than chance would have it, as people type. */
const place = (generator, length) => chance(generator, 30) ? length : prng.int32(generator, 0, length)

const range = (generator, length, most) => {
  const start = prng.int32(generator, 0, length - 1)
  return [start, prng.int32(generator, 1, Math.min(most, length - start))]
}

const insidePair = (string, at) => /^[\udc00-\udfff]/.test(string.slice(at, at + 1)) && /[\ud800-\udbff]$/.test(string.slice(0, at))

/** A string as long as the text, one unit for each embed, in which surrogate pairs can be found. */
const units = type => type.toDelta().map(({ insert }) => (typeof insert === 'string' ? insert : '\ufffc')).join('')

/** Surrogate pairs stay whole: Yjs replicas disagree with each other once a formatting mark has cut one in two. */
const editText = (type, generator, shared) => {
  const string = units(type)
  const whole = at => (insidePair(string, at) ? at + 1 : at)
  const act = prng.int32(generator, 0, 99)
  if (type.length === 0 || act < 45) {
    const attributes = chance(generator, 15) ? Object.fromEntries([pick(generator, MARKS)]) : undefined
    type.insert(whole(place(generator, type.length)), words(generator), attributes)
  } else if (act < 70) {
    const [start, length] = range(generator, type.length, 12)
    const from = whole(start)
    const to = whole(start + length)
    if (to > from) type.delete(from, to - from)
  } else if (act < 88) {
    const [start, length] = range(generator, type.length, 20)
    const from = whole(start)
    const to = whole(start + length)
    if (to > from) type.format(from, to - from, Object.fromEntries([pick(generator, MARKS)]))
  } else if (act < 95) {
    const made = shared.length > 0 && chance(generator, 30) ? pick(generator, shared)(generator) : json(generator)
    const embed = made instanceof Y.Doc ? json(generator) : made
    type.insertEmbed(whole(place(generator, type.length)), embed, chance(generator, 20) ? { bold: true } : undefined)
  } else if (act < 98) {
    type.setAttribute(pick(generator, KEYS), words(generator))
  } else {
    type.removeAttribute(pick(generator, KEYS))
  }
}

const editArray = (type, generator, shared) => {
  if (type.length === 0 || chance(generator, 60)) {
    const run = chance(generator, 30)
      ? [content(generator, shared)]
      : Array.from({ length: prng.int32(generator, 1, 4) }, () => anything(generator))
    type.insert(place(generator, type.length), run.map(arrayItem))
  } else {
    type.delete(...range(generator, type.length, 4))
  }
}

const editMap = (type, generator, shared) => {
  const key = pick(generator, KEYS)
  if (chance(generator, 75)) type.set(key, content(generator, shared))
  else type.delete(key)
}

const editXml = (type, generator) => {
  if (type instanceof Y.XmlElement && chance(generator, 40)) {
    const key = pick(generator, KEYS.slice(0, 4))
    if (chance(generator, 70)) type.setAttribute(key, words(generator))
    else type.removeAttribute(key)
  } else if (type.length === 0 || chance(generator, 65)) {
    const made = pick(generator, [element, element, hook, g => new Y.XmlText(words(g))])(generator)
    type.insert(prng.int32(generator, 0, type.length), [made])
  } else {
    type.delete(...range(generator, type.length, 2))
  }
}

const childrenOf = type => {
  if (type instanceof Y.Text) return type.toDelta().map(({ insert }) => insert)
  if (type instanceof Y.Map) return [...type.values()]
  return type.toArray()
}

/** Walks down from `type` at random and stops at a shared type, often the first. */
const descend = (type, generator, depth = 0) => {
  if (depth === 4 || chance(generator, 55)) return type
  const inner = childrenOf(type).filter(child => child instanceof Y.AbstractType)
  return inner.length === 0 ? type : descend(pick(generator, inner), generator, depth + 1)
}

/** Typing one letter or deleting one, always at the beginning: many authors in one gap, where integration is hardest. */
export const editInTheCrowd = (roots, generator) => {
  const type = pick(generator, [roots.text, roots.array])
  if (type.length === 0 || chance(generator, 80)) {
    const letter = pick(generator, ['a', 'b', 'c', 'd', 'e'])
    type.insert(prng.int32(generator, 0, Math.min(2, type.length)), type instanceof Y.Text ? letter : [letter])
  } else {
    type.delete(prng.int32(generator, 0, Math.min(3, type.length) - 1), 1)
  }
}

/** `roots` is `{ text, array, map, everything, xml }`; only `everything` and `xml` get what the Python door does not show. */
export const editAtRandom = (roots, generator) => {
  const name = pick(generator, ['text', 'text', 'text', 'text', 'array', 'array', 'map', 'everything', 'everything', 'xml'])
  const type = name === 'text' ? roots.text : descend(roots[name], generator)
  const shared = name === 'everything' ? sharedAnything : sharedText
  if (type instanceof Y.Text) editText(type, generator, name === 'text' ? [] : shared)
  else if (type instanceof Y.Array) editArray(type, generator, shared)
  else if (type instanceof Y.Map) editMap(type, generator, shared)
  else editXml(type, generator)
}
