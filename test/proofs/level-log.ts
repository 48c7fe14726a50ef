/**
 * Reads where the records of a LevelDB log lie, so that a proof can damage it exactly.
 *
 * Source: LevelDB, doc/log_format.md: blocks of 32 KiB; a fragment has checksum (4 bytes), length
 * (2, little-endian) and type (1: whole, 2: first, 3: middle, 4: last).
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const BLOCK_BYTES = 32 * 1024
const HEADER_BYTES = 7
const WHOLE = 1
const FIRST = 2

/** The newest log of a level folder. */
export function newestLog(folder: string): string {
  const logs = readdirSync(folder)
    .filter((name) => /^\d+\.log$/.test(name))
    .sort()
  const last = logs.at(-1)
  if (last === undefined) throw new Error(`a log in ${folder}`)
  return join(folder, last)
}

/** Offset of each record (one batch each) and where its first payload byte is. */
export function recordsOf(log: string): { readonly start: number; readonly payload: number }[] {
  const data = readFileSync(log)
  const records: { start: number; payload: number }[] = []
  let at = 0
  while (at + HEADER_BYTES <= data.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES)
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const length = data.readUInt16LE(at + 4)
    const kind = data[at + 6] ?? 0
    // A tail of zeros: space that was made ahead.
    if (kind === 0 && length === 0) break
    if (kind === WHOLE || kind === FIRST) records.push({ start: at, payload: at + HEADER_BYTES })
    at += HEADER_BYTES + length
  }
  return records
}
