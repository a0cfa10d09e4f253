// One random edit of one random shared type. `generator` (lib0/prng) makes every choice, so a seed repeats a whole history.

import * as Y from 'yjs'
import * as prng from 'lib0/prng'

const WORDS = [
  'a', 'b', 'word ', 'two words ', '\n', '\t', 'ß', 'é', 'e\u0301', 'a\u0302\u0323', '漢字', 'かな', '한글', 'עברית', '\u200d',
  '😀', '👩‍👩‍👧', '𝒳', '🇪🇺', '\u{10ffff}', '\u0000', 'plain ascii, a little longer than the rest; '
]
const KEYS = ['a', 'b', 'c', 'key', 'ключ', '🔑', '～']
const MARKS = [
  ['bold', true], ['bold', null], ['italic', true], ['italic', null], ['color', 'red'], ['color', 'blue'], ['color', null],
  ['link', { href: 'https://example.org', nested: [1, null] }], ['link', null]
]

const pick = (generator, choices) => choices[prng.int32(generator, 0, choices.length - 1)]
const chance = (generator, percent) => prng.int32(generator, 0, 99) < percent

const marks = generator => Object.fromEntries(Array.from({ length: chance(generator, 70) ? 1 : 2 }, () => pick(generator, MARKS)))

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

const filledWith = (type, children) => {
  type.insert(0, children)
  return type
}

const element = generator => {
  const made = new Y.XmlElement(pick(generator, ['p', 'h1', 'li', 'IMG']))
  if (chance(generator, 50)) made.setAttribute(pick(generator, KEYS), words(generator))
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

const fragment = generator => filledWith(new Y.XmlFragment(), [element(generator)])

const sharedText = [text, array, map]
const sharedAnything = [...sharedText, element, fragment, hook, subdocument, generator => new Y.XmlText(words(generator))]

const content = (generator, shared) => chance(generator, 30) ? pick(generator, shared)(generator) : anything(generator)

/** A place in `length`, at the end more often than chance would have it, as people type. */
const place = (generator, length) => chance(generator, 30) ? length : prng.int32(generator, 0, length)

/** Where a stretch of one to `most` units begins and where it ends. */
const range = (generator, length, most) => {
  const start = prng.int32(generator, 0, length - 1)
  return [start, start + prng.int32(generator, 1, Math.min(most, length - start))]
}

/** A string as long as the text, one unit for each embed, in which surrogate pairs can be found. */
const units = type => type.toDelta().map(({ insert }) => (typeof insert === 'string' ? insert : '\ufffc')).join('')

const isBetween = (unit, first, last) => unit >= first && unit <= last

const isInsidePair = (string, at) =>
  isBetween(string.charCodeAt(at), 0xdc00, 0xdfff) && isBetween(string.charCodeAt(at - 1), 0xd800, 0xdbff)

/** Where surrogate pairs stay whole: Yjs replicas disagree with each other once a formatting mark has cut one in two. */
const placesIn = type => {
  const string = units(type)
  return Array.from({ length: string.length + 1 }, (_, at) => at).filter(at => !isInsidePair(string, at))
}

const editText = (type, generator, shared) => {
  const places = placesIn(type)
  const last = places.length - 1
  const stretch = most => range(generator, last, most).map(at => places[at])
  const act = prng.int32(generator, 0, 99)
  if (last === 0 || act < 45) {
    type.insert(places[place(generator, last)], words(generator), chance(generator, 15) ? marks(generator) : undefined)
    return 'text.insert'
  }
  if (act < 70) {
    const [from, to] = stretch(12)
    type.delete(from, to - from)
    return 'text.delete'
  }
  if (act < 84) {
    const [from, to] = stretch(20)
    type.format(from, to - from, marks(generator))
    return 'text.format'
  }
  if (act < 90) {
    const made = shared.length > 0 && chance(generator, 30) ? pick(generator, shared)(generator) : json(generator)
    const embed = made instanceof Y.Doc ? json(generator) : made
    type.insertEmbed(places[place(generator, last)], embed, chance(generator, 20) ? { bold: true } : undefined)
    return 'text.embed'
  }
  if (act < 95) {
    type.applyDelta(delta(generator, places), { sanitize: chance(generator, 50) })
    return 'text.delta'
  }
  return editAttribute(type, generator)
}

/** One to four operations from left to right; all that is taken up is there. */
const delta = (generator, places) => {
  let at = 0
  return Array.from({ length: prng.int32(generator, 1, 4) }, () => {
    const to = Math.min(places.length - 1, at + prng.int32(generator, 1, 12))
    const act = pick(generator, to === at ? ['insert'] : ['insert', 'retain', 'retain', 'delete'])
    const written = chance(generator, 20) ? json(generator) : words(generator)
    const amount = act === 'insert' ? written : places[to] - places[at]
    if (act !== 'insert') at = to
    return { [act]: amount, ...(act !== 'delete' && chance(generator, 40) && { attributes: marks(generator) }) }
  })
}

const editAttribute = (type, generator) => {
  const key = pick(generator, KEYS)
  if (chance(generator, 70)) {
    type.setAttribute(key, anything(generator))
    return 'attribute.set'
  }
  type.removeAttribute(key)
  return 'attribute.delete'
}

const editArray = (type, generator, shared) => {
  if (type.length === 0 || chance(generator, 60)) {
    const run = chance(generator, 30)
      ? [content(generator, shared)]
      : Array.from({ length: prng.int32(generator, 1, 4) }, () => anything(generator))
    type.insert(place(generator, type.length), run.map(arrayItem))
    return 'array.insert'
  }
  const [from, to] = range(generator, type.length, 4)
  type.delete(from, to - from)
  return 'array.delete'
}

const editMap = (type, generator, shared) => {
  const key = pick(generator, KEYS)
  if (chance(generator, 75)) {
    type.set(key, content(generator, shared))
    return 'map.set'
  }
  type.delete(key)
  return 'map.delete'
}

const editXml = (type, generator) => {
  if (type instanceof Y.XmlElement && chance(generator, 40)) return editAttribute(type, generator)
  if (type.length === 0 || chance(generator, 65)) {
    const made = pick(generator, [element, element, hook, g => new Y.XmlText(words(g))])(generator)
    type.insert(prng.int32(generator, 0, type.length), [made])
    return 'xml.insert'
  }
  const [from, to] = range(generator, type.length, 2)
  type.delete(from, to - from)
  return 'xml.delete'
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
  const name = pick(generator, ['text', 'array'])
  const type = roots[name]
  if (type.length === 0 || chance(generator, 80)) {
    const letter = pick(generator, ['a', 'b', 'c', 'd', 'e'])
    type.insert(prng.int32(generator, 0, Math.min(2, type.length)), type instanceof Y.Text ? letter : [letter])
    return `${name}.insert`
  }
  type.delete(prng.int32(generator, 0, Math.min(3, type.length) - 1), 1)
  return `${name}.delete`
}

/** `roots` is `{ text, array, map, everything, xml }`; only `everything` and `xml` hold XML and subdocuments. Says what it did. */
export const editAtRandom = (roots, generator) => {
  const name = pick(generator, ['text', 'text', 'text', 'text', 'array', 'array', 'map', 'everything', 'everything', 'xml'])
  const type = name === 'text' ? roots.text : descend(roots[name], generator)
  const shared = name === 'everything' ? sharedAnything : sharedText
  if (type instanceof Y.Text) return editText(type, generator, name === 'text' ? [] : shared)
  if (type instanceof Y.Array) return editArray(type, generator, shared)
  return type instanceof Y.Map ? editMap(type, generator, shared) : editXml(type, generator)
}
