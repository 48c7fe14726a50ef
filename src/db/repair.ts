/** Makes a damaged LevelDB folder openable with what is left of it: in two stages, each can be done again. */

import { join } from 'node:path'
import { Level } from 'level'
import type { Disk, DiskFile } from '../base/disk.ts'
import { DbFault } from './errors.ts'
import { assertLevelUnused, levelAt, openFault } from './level.ts'

/** Beside the database, for LevelDB's repair takes no lock of its own. It holds nothing. */
const LOCK_SUFFIX = '-lock'
const TABLE = /\.ldb$/
/** What a repair reads, and writes anew. */
const CONTENT = /\.(?:ldb|log)$/

/**
 * Runs `work` while no other process has the database open, or repairs it.
 *
 * @throws {DbFault} `Locked`
 */
export async function whileUnused<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = new Level(folder + LOCK_SUFFIX)
  try {
    await lock.open()
  } catch (error) {
    throw openFault(folder, error)
  }
  try {
    await assertLevelUnused(folder)
    return await work()
  } finally {
    await lock.close()
  }
}

/**
 * The first stage: makes tables of what can be read, and sets aside in `lost` what cannot. What cannot be read is
 * gone silently. It has to be merged before it is read.
 *
 * @throws {DbFault} `NotUsable` when there is no room for both stages, before anything is changed; `CannotOpen`
 */
export async function repairFiles(folder: string, disk: Disk): Promise<void> {
  await assertRoom(folder, disk)
  const repairable = Level as unknown as { repair(location: string): Promise<void> }
  try {
    await repairable.repair(folder)
  } catch (error) {
    throw openFault(folder, error)
  }
  // It syncs none of the tables that it copies, and a merge may leave some as they are.
  for (const name of await disk.list(folder)) {
    if (!TABLE.test(name)) continue
    await withFile(disk, join(folder, name), (file) => file.datasync())
  }
}

async function withFile<T>(
  disk: Disk,
  path: string,
  use: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, { create: false })
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** Where a log cannot be written anew in full it is set aside without a word: so room is asked for first. */
async function assertRoom(folder: string, disk: Disk): Promise<void> {
  let bytes = 0
  for (const name of await disk.list(folder)) {
    if (!CONTENT.test(name)) continue
    bytes += await withFile(disk, join(folder, name), (file) => file.sizeBytes())
  }
  const { availableBytes } = await disk.space(folder)
  if (availableBytes >= bytes) return
  throw new DbFault(
    'NotUsable',
    `Cannot repair the database "${folder}": that takes ${bytes} bytes on its drive, which has ${availableBytes}`,
  )
}

/**
 * The second stage. What the first leaves is found by the number of its file until it is merged: a read may get
 * an older row than a range does. It takes as much room again as the tables have.
 *
 * @throws {DbFault} `NotUsable`, `CannotOpen`: then the first stage is to be done again
 */
export async function mergeTables(folder: string): Promise<void> {
  const level = levelAt(folder, false)
  try {
    await level.open()
  } catch (error) {
    throw openFault(folder, error)
  }
  try {
    const mergeable = level as unknown as Mergeable
    await mergeable.compactRange('', '\u{10ffff}')
    // It does not say itself that it failed.
    if (mergeable.getProperty('leveldb.num-files-at-level0') === '0') return
  } finally {
    await level.close()
  }
  throw new DbFault(
    'NotUsable',
    `Cannot merge what a repair left of the database "${folder}": its drive may be full`,
  )
}

interface Mergeable {
  compactRange(start: string, end: string): Promise<void>
  getProperty(name: string): string
}
