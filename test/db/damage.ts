/** Damages the files of a LevelDB folder as a drive would. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes a block in the middle of the largest table unreadable. Whoever opens a folder turns its log into a table. */
export function damageTable(folder: string): void {
  const tables = readdirSync(folder).filter((name) => name.endsWith('.ldb'))
  const paths = tables.map((name) => join(folder, name))
  const [largest] = paths.toSorted((one, other) => statSync(other).size - statSync(one).size)
  assert.ok(largest, 'a table')
  const bytes = readFileSync(largest)
  const middle = Math.floor(bytes.length / 2)
  for (let at = middle; at < middle + 64; at += 1) bytes[at]! ^= 255
  writeFileSync(largest, bytes)
}
