// Writes tests/vectors/yjs-13.6-updates.json: updates as Yjs makes them, one for everything it can emit, and damaged ones.
//
//   node tests/interop/node/make_vectors.mjs > tests/vectors/yjs-13.6-updates.json
//
// Nothing in it is left to chance: the same versions write the same bytes.

import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'
import { encode, methods } from './documents.mjs'

const documentBy = (client, options = {}) => {
  const doc = new Y.Doc({ guid: `document of ${client}`, ...options })
  doc.clientID = client
  return doc
}

/** The whole document that `edit` leaves behind, as one update. */
const whole = (edit, { client = 7, ...options } = {}) => {
  const doc = documentBy(client, options)
  edit(doc)
  return [Y.encodeStateAsUpdate(doc)]
}

/** The updates that `edit` makes, one by one, delivered in `order`. */
const single = (order, edit, client = 7) => {
  const doc = documentBy(client)
  const updates = []
  doc.on('update', update => updates.push(update))
  edit(doc)
  return order.map(index => updates[index])
}

/** Puts content into an array that no current Yjs call produces, though all of them read it. */
const insertContent = (array, content) => Y.transact(array.doc, transaction => {
  const { doc } = array
  const id = Y.createID(doc.clientID, Y.getState(doc.store, doc.clientID))
  new Y.Item(id, null, null, null, null, array, null, content).integrate(transaction, 0)
})

const sharedTypes = {
  'a Y.Array': () => Y.Array.from([1, 'two']),
  'a Y.Map': () => new Y.Map([['key', 'value']]),
  'a Y.Text': () => new Y.Text('inner text'),
  'a Y.XmlElement': () => {
    const element = new Y.XmlElement('p')
    element.setAttribute('class', 'note')
    element.insert(0, [new Y.XmlText('text in an element')])
    return element
  },
  'a Y.XmlFragment': () => {
    const fragment = new Y.XmlFragment()
    fragment.insert(0, [new Y.XmlElement('hr')])
    return fragment
  },
  'a Y.XmlHook': () => {
    const hook = new Y.XmlHook('video')
    hook.set('src', 'film.webm')
    return hook
  },
  'a Y.XmlText': () => new Y.XmlText('xml text')
}

const anyValues = {
  undefined,
  null: null,
  true: true,
  false: false,
  'the empty string': '',
  'a string outside the basic plane': '𝒳😀',
  'the integer 0': 0,
  'the integer -0': -0,
  'the integer 63': 63,
  'the integer 64': 64,
  'the integer -64': -64,
  'the integer 2^31 - 1': 2 ** 31 - 1,
  'the integer -(2^31 - 1)': -(2 ** 31 - 1),
  'the number 2^31': 2 ** 31,
  'the number 2^53 - 1': 2 ** 53 - 1,
  'a 32-bit float': 0.5,
  'a 64-bit float': 0.1,
  'not a number': NaN,
  infinity: Infinity,
  'negative infinity': -Infinity,
  'the smallest big integer': -(2n ** 63n),
  'the largest big integer': 2n ** 63n - 1n,
  'an empty list': [],
  'an empty object': {},
  'bytes inside a list': [new Uint8Array([0, 255])],
  'nested lists and objects': { list: [1, [2, { three: [null, undefined, -0, 4n] }]], object: { '': {}, '🔑': 'key' } }
}

const everyContent = {
  'an empty document': whole(() => {}),
  'plain text': whole(doc => doc.getText('text').insert(0, 'hello')),
  'text beyond ASCII': whole(doc => doc.getText('text').insert(0, 'ß漢字e\u0301👩‍👩‍👧𝒳\u0000עברית')),
  'text with a deleted part': whole(doc => {
    doc.getText('text').insert(0, 'hello world')
    doc.getText('text').delete(2, 6)
  }, { gc: false }),
  'deleted content': whole(doc => {
    doc.getText('text').insert(0, 'hello world')
    doc.getText('text').delete(2, 6)
  }),
  'a collected structure': whole(doc => {
    doc.getMap('map').set('key', new Y.Text('gone'))
    doc.getMap('map').delete('key')
  }),
  'JSON content of old versions': whole(doc =>
    insertContent(doc.getArray('array'), new Y.ContentJSON([{ a: 1 }, 'text', null, undefined, [1.5]]))),
  'binary content': whole(doc => {
    doc.getArray('array').insert(0, [new Uint8Array([1, 2, 3]), new Uint8Array([])])
    doc.getMap('map').set('key', new Uint8Array([0, 128, 255]))
  }),
  'an embed': whole(doc => doc.getText('text').insertEmbed(0, { image: 'cat.png', sizes: [1, 2.5, null] })),
  'an embedded shared type': whole(doc => {
    doc.getText('text').insert(0, 'ab')
    doc.getText('text').insertEmbed(1, new Y.Map([['kind', 'table']]))
  }),
  'formatted text': whole(doc => {
    doc.getText('text').insert(0, 'bold and plain')
    doc.getText('text').format(0, 4, { bold: true, link: { href: 'https://example.org' } })
    doc.getText('text').insert(4, '!', { bold: null })
  }),
  'a text with attributes': whole(doc => {
    doc.getText('text').insert(0, 'a')
    doc.getText('text').setAttribute('align', 'left')
  }),
  'a map whose key was set twice': whole(doc => {
    doc.getMap('map').set('key', 1)
    doc.getMap('map').set('key', 2)
  }),
  'a map whose key was deleted': whole(doc => {
    doc.getMap('map').set('key', 1)
    doc.getMap('map').delete('key')
  }),
  'an array with a run of values': whole(doc => doc.getArray('array').insert(0, [1, 'two', true, null, [3], { four: 4 }])),
  'a subdocument': whole(doc => doc.getMap('everything').set('plain', documentBy(1))),
  'a subdocument with options': whole(doc => doc.getMap('everything').set('child', new Y.Doc({
    guid: 'child', gc: false, autoLoad: true, meta: { title: 'x', sizes: [1, 2] }
  }))),
  'an XML tree': whole(doc => {
    const page = new Y.XmlElement('page')
    page.insert(0, [sharedTypes['a Y.XmlElement'](), new Y.XmlText('tail')])
    doc.getXmlFragment('xml').insert(0, [page])
    page.get(1).format(0, 2, { em: {} })
  }),
  'shared types six levels deep': whole(doc => {
    let inner = doc.getArray('array')
    for (let depth = 0; depth < 3; depth++) {
      const map = new Y.Map()
      inner.insert(0, [map])
      inner = new Y.Array()
      map.set('list', inner)
    }
    inner.insert(0, [new Y.Text('the bottom')])
  }),
  'a client id of 53 bits': whole(doc => doc.getText('text').insert(0, 'x'), { client: 2 ** 53 - 1 }),
  'a client id of 0': whole(doc => doc.getText('text').insert(0, 'x'), { client: 0 }),
  'half of a surrogate pair deleted': whole(doc => {
    doc.getText('text').insert(0, 'a😀b')
    doc.getText('text').delete(1, 1)
  }),
  'an insertion between the halves of a surrogate pair': whole(doc => {
    doc.getText('text').insert(0, 'a😀b')
    doc.getText('text').insert(2, '-')
  }),
  'an update with a gap': [Y.mergeUpdates(single([0, 2], doc => {
    for (const letter of 'abc') doc.getText('text').insert(0, letter)
  }))],
  'two authors interleaved': whole(doc => {
    doc.getText('text').insert(0, 'abcdef')
    const other = documentBy(9)
    Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
    other.getText('text').insert(3, 'XY')
    doc.getText('text').insert(3, 'pq')
    doc.getText('text').delete(1, 2)
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
  })
}

const everySharedType = Object.fromEntries(Object.entries(sharedTypes).map(([name, make]) => [
  `${name} in a map`, whole(doc => doc.getMap('everything').set('inner', make()))
]))

const everyAny = Object.fromEntries(Object.entries(anyValues).map(([name, value]) => [
  `any: ${name}`, whole(doc => doc.getMap('map').set('key', value))
]))

const deliveries = {
  'one author delivered out of order': single([0, 3, 2, 1], doc => {
    const text = doc.getText('text')
    text.insert(0, 'a')
    text.insert(0, 'b')
    text.insert(2, 'c')
    text.insert(1, 'd')
  }),
  'a deletion delivered before what it deletes': single([1, 0], doc => {
    doc.getText('text').insert(0, 'hello')
    doc.getText('text').delete(1, 3)
  }),
  'every update delivered twice': single([0, 0, 1, 1, 0], doc => {
    doc.getArray('array').insert(0, [1])
    doc.getArray('array').insert(0, [2])
  }),
  'the last of three updates alone': single([2], doc => {
    for (const value of [1, 2, 3]) doc.getMap('map').set('key', value)
  })
}

const bytes = (...write) => {
  const encoder = encoding.createEncoder()
  for (const step of write) typeof step === 'number' ? encoding.writeVarUint(encoder, step) : step(encoder)
  return encoding.toUint8Array(encoder)
}
const raw = (...values) => encoder => values.forEach(value => encoding.write(encoder, value))
const string = value => encoder => encoding.writeVarString(encoder, value)

/** One item with `content` at the start of the root array: one client, one structure, client 7, clock 0. */
const oneItem = (reference, ...content) => bytes(1, 1, 7, 0, raw(reference), 1, string('array'), ...content, 0)

const hostile = {
  'nothing at all': bytes(),
  'a varint that never ends': bytes(raw(...Array(12).fill(0xff))),
  'a claim of 2^53 - 1 clients': bytes(Number.MAX_SAFE_INTEGER),
  'a claim of 2^53 - 1 structures': bytes(1, Number.MAX_SAFE_INTEGER, 7, 0),
  'a claim of 2^53 - 1 deleted ranges': bytes(0, 1, 7, Number.MAX_SAFE_INTEGER),
  'a string of 2^31 bytes': oneItem(4, 2 ** 31),
  'binary content of 2^53 - 1 bytes': oneItem(3, Number.MAX_SAFE_INTEGER),
  'a run of 2^53 - 1 values': oneItem(8, Number.MAX_SAFE_INTEGER),
  'a list of 2^32 values': oneItem(8, 1, raw(117), 2 ** 32),
  'an object of 2^32 keys': oneItem(8, 1, raw(118), 2 ** 32),
  'a list nested 20,000 deep': oneItem(8, 1, raw(...Array(20_000).fill([117, 1]).flat(), 126)),
  'an unknown kind of content': oneItem(11, 0),
  'an unknown kind of shared type': oneItem(7, 7),
  'an unknown kind of value': oneItem(8, 1, raw(115)),
  'a string that is not UTF-8': oneItem(4, 2, raw(0xc3, 0x28)),
  'a lone surrogate in UTF-8': oneItem(4, 3, raw(0xed, 0xa0, 0x80)),
  'an overlong encoding in UTF-8': oneItem(4, 2, raw(0xc0, 0x80)),
  'an embed that is not JSON': oneItem(5, string('{"image":')),
  'a format that is not JSON': oneItem(6, string('bold'), string('tru')),
  'JSON content that is not JSON': oneItem(2, 1, string('[1,'))
}

const truncated = Object.fromEntries(['formatted text', 'an XML tree', 'any: nested lists and objects'].flatMap(name => {
  const [update] = { ...everyContent, ...everyAny }[name]
  const cuts = [1, Math.floor(update.length / 2), update.length - 1]
  return cuts.map(length => [`${name}, cut after ${length} of ${update.length} bytes`, update.slice(0, length)])
}))

const refused = update => methods.accepts({ update: encode(update) })

/** Eight of the single-bit changes of an update that Yjs refuses, spread over all of them. */
const flipped = Object.fromEntries(['formatted text', 'a subdocument with options'].flatMap(name => {
  const [update] = everyContent[name]
  const changes = Array.from({ length: update.length * 8 }, (_, bit) => {
    const damaged = update.slice()
    damaged[bit >> 3] ^= 1 << (bit & 7)
    return [`${name}, bit ${bit & 7} of byte ${bit >> 3} flipped`, damaged]
  })
  const bad = changes.filter(([, damaged]) => refused(damaged) !== null)
  return bad.filter((_, index) => index % Math.ceil(bad.length / 8) === 0)
}))

const EVERY_CONTENT = [
  'GC', 'Skip', 'ContentDeleted', 'ContentJSON', 'ContentBinary', 'ContentString', 'ContentEmbed', 'ContentFormat', 'ContentAny',
  'ContentDoc', ...[Y.Array, Y.Map, Y.Text, Y.XmlElement, Y.XmlFragment, Y.XmlHook, Y.XmlText].map(type => type.name)
]

/** What an update is made of, named as in Yjs's sources. */
const kinds = update => Y.decodeUpdate(update).structs.map(struct =>
  struct instanceof Y.Item ? (struct.content.type ?? struct.content).constructor.name : struct.constructor.name)

const positive = (name, updates) => ({
  name, updates: updates.map(encode), reads: methods.read({ updates: updates.map(encode) })
})

const negative = (name, update) => {
  if (refused(update) === null) throw new Error(`Yjs accepts ${name}`)
  return { name, update: encode(update) }
}

const { node, ...packages } = await methods.versions()
const lines = entries => `[\n${entries.map(entry => `    ${JSON.stringify(entry)}`).join(',\n')}\n  ]`
const header = {
  what: 'Yjs V1 updates, and what a fresh Yjs document reads from them in the order given; bytes are base64',
  made_by: `npm yjs ${packages.yjs} with lib0 ${packages.lib0}`,
  command: 'node tests/interop/node/make_vectors.mjs > tests/vectors/yjs-13.6-updates.json'
}
const accepted = Object.entries({ ...everyContent, ...everySharedType, ...everyAny, ...deliveries })
const rejected = Object.entries({ ...hostile, ...truncated, ...flipped })
const covered = new Set(accepted.flatMap(([, updates]) => updates.flatMap(kinds)))
const missing = EVERY_CONTENT.filter(kind => !covered.has(kind))
if (missing.length > 0) throw new Error(`no vector holds ${missing}`)
process.stdout.write(`{
  "header": ${JSON.stringify(header)},
  "vectors": ${lines(accepted.map(entry => positive(...entry)))},
  "negatives": ${lines(rejected.map(entry => negative(...entry)))}
}
`)
