/**
 * A process that writes one row to a new LevelDB folder (its argument) and says as JSON when the
 * row was first seen and when the write ended, in ms from its beginning; run under `strace`.
 */

import type { Tree } from '../../src/db/db.ts'
import { openLevelDb } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }
const fatal: string[] = []
const db = await openLevelDb({
  folder: process.argv[2]!,
  clock: systemClock,
  onFatal: (fault) => fatal.push(fault.code),
})
const begin = performance.now()
let endedMs: number | undefined
let seenMs: number | undefined
let outcome = 'acknowledged'
db.write((batch) => batch.put(words, 'a', 'x'.repeat(100))).then(
  () => (endedMs = performance.now() - begin),
  () => {
    endedMs = performance.now() - begin
    outcome = 'failed'
  },
)
while (endedMs === undefined) {
  if (seenMs === undefined && db.getStable(words, 'a') !== undefined) {
    seenMs = performance.now() - begin
  }
  await new Promise((resolve) => setTimeout(resolve, 1))
}
const next = await db
  .write((batch) => batch.put(words, 'b', 'y'))
  .then(
    () => 'acknowledged',
    () => 'failed',
  )
const isSeen = db.getStable(words, 'a') !== undefined
process.stdout.write(JSON.stringify({ endedMs, seenMs, outcome, next, fatal, isSeen }))
process.exit(0)
