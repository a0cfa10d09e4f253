// How many bytes Yjs writes for a session: reads JSON lines {client, edits}, types each session into a new document and
// prints {v1, v2, text} for it.

import { createInterface } from "node:readline"
import * as Y from "yjs"

for await (const line of createInterface({ input: process.stdin })) {
  const { client, edits } = JSON.parse(line)
  const document = new Y.Doc()
  document.clientID = client
  const text = document.getText("text")
  for (const [position, deleted, inserted] of edits) {
    document.transact(() => {
      if (deleted > 0) text.delete(position, deleted)
      if (inserted !== "") text.insert(position, inserted)
    })
  }
  const sizes = {
    v1: Y.encodeStateAsUpdate(document).length,
    v2: Y.encodeStateAsUpdateV2(document).length,
    text: text.toString(),
  }
  console.log(JSON.stringify(sizes))
}
