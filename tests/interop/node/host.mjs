// The official Yjs packages behind a pipe: one JSON request a line in, one JSON answer a line out.
//
//   request   {"id": 7, "calls": [["apply", {"doc": "a", "updates": ["AAA="]}], …]}
//   answer    {"id": 7, "results": [null, …]}   or   {"id": 7, "error": "…"}
//
// Calls of one request run in order, so a caller batches a whole round of an experiment into one line.
// Bytes travel as base64. Every random choice comes from a seed in the request: the same requests give the same answers.

import readline from 'node:readline'
import { stdin, stdout } from 'node:process'
import * as documents from './documents.mjs'
import * as peers from './peers.mjs'
import * as undo from './undo.mjs'
import * as faults from './yjs_faults.mjs'

console.log = console.error // standard output carries answers only

const methods = { ...documents.methods, ...peers.methods, ...undo.methods, ...faults.methods }

const answer = async ({ id, calls }) => {
  const results = []
  for (const [method, args] of calls) {
    if (!(method in methods)) throw new Error(`no method called ${method}`)
    results.push((await methods[method](args ?? {})) ?? null)
  }
  return { id, results }
}

for await (const line of readline.createInterface({ input: stdin, crlfDelay: Infinity })) {
  const request = JSON.parse(line)
  const reply = await answer(request).catch(error => ({ id: request.id, error: error.stack ?? String(error) }))
  stdout.write(JSON.stringify(reply) + '\n')
}
peers.destroyAll()
process.exit(0)
