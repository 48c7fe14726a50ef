/** One small record in one file of its own, replaced whole or not at all. */

import { crc32 } from 'node:zlib'
import { textOf, utf8 } from '../base/bytes.ts'
import type { Disk } from '../base/disk.ts'
import { DbFault } from './errors.ts'

/**
 * Writes `record` (plain JSON) to `path`, mode 0600; a crash leaves the old or the new.
 *
 * The file is a line `hangar-state 1 <CRC-32 of the rest>` and then the record, for people to read.
 */
export async function writeState(disk: Disk, path: string, record: object): Promise<void> {
  const body = `${JSON.stringify(record, undefined, 2)}\n`
  await disk.replace(path, utf8(`hangar-state 1 ${crc32(body)}\n${body}`))
}

/**
 * The record last written, or undefined when there is no file.
 *
 * @throws {DbFault} `CannotOpen` when the file is not what `writeState` wrote
 */
export async function readState(disk: Disk, path: string): Promise<unknown> {
  const bytes = await disk.readSmall(path)
  if (bytes === undefined) return undefined
  try {
    const text = textOf(bytes)
    const end = text.indexOf('\n')
    const body = text.slice(end + 1)
    if (text.slice(0, end) === `hangar-state 1 ${crc32(body)}`) return JSON.parse(body) as unknown
  } catch {
    // Told below, like a sum that does not fit.
  }
  throw new DbFault('CannotOpen', `Cannot read "${path}": it was changed or cut off`)
}
