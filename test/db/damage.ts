/** Damages the files of a LevelDB folder as a drive would. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLevelEngine } from '../../src/db/level.ts'

/** Of `damagedTable`. */
export const ROWS = 20_000
export const keyOf = (index: number): string => `k${String(index).padStart(6, '0')}`

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

/** Makes a folder with its rows in one table, of which a block in the middle is damaged. */
export async function damagedTable(folder: string): Promise<string> {
  const engine = await openLevelEngine(folder, { create: true })
  const operations = Array.from({ length: ROWS }, (_, index) => ({
    type: 'put' as const,
    key: keyOf(index),
    value: randomBytes(20),
  }))
  await engine.write(operations)
  await engine.close()
  // The log becomes a table.
  await (await openLevelEngine(folder, { create: false })).close()
  damageTable(folder)
  return folder
}
