/**
 * Makes a LevelDB folder of what can be read in a damaged one, beside it, and puts it in its place at the end. So
 * a repair that is cut off, or fails, has changed nothing.
 */

import { join } from 'node:path'
import { Level } from 'level'
import type { Disk, DiskFile, FolderDisk } from '../base/disk.ts'
import { DbFault } from './errors.ts'
import { assertLevelUnused, engineFault, levelAt } from './level.ts'

/** What a database is made of, beside its folder. */
class Places {
  readonly folder: string
  /** A database that holds nothing, for its lock: LevelDB's repair takes none. */
  readonly lock: string
  /** What a repair works on. */
  readonly draft: string
  /** The same when all of it is on stable storage. */
  readonly done: string
  /** The damaged one, as it was. */
  readonly damaged: string

  constructor(folder: string) {
    this.folder = folder
    this.lock = `${folder}-lock`
    this.draft = `${folder}-repair`
    this.done = `${folder}-repaired`
    this.damaged = `${folder}-damaged`
  }
}

/** Tables, and logs of what is in no table yet. LevelDB never writes to one again that it did not make since. */
const CONTENT = /\.(?:ldb|sst|log)$/
/** What even a refused opening writes to. */
const CHANGES_ALWAYS = /^LO(?:G|G\.old|CK)$/
/** What the two stages of a repair may write for each byte that is there. */
const ROOM_FACTOR = 2

/**
 * Replaces a damaged database by what can be read of it. What cannot be read is missing silently.
 *
 * @param options.accepted awaited before what can be read might be taken for the database
 * @returns where the damaged files are kept, in place of those of an earlier repair
 * @throws {DbFault} `Locked`, `NotUsable` (no room), `CannotOpen`: then the damaged one is as it was
 */
export async function repairLevel(
  folder: string,
  options: { readonly disk: FolderDisk; readonly accepted: () => Promise<void> },
): Promise<string> {
  const { disk, accepted } = options
  const places = new Places(folder)
  await whileLocked(places, async () => {
    await assertLevelUnused(folder)
    try {
      await clear(places, disk)
      const before = await stateOf(folder, disk)
      await makeDraft(places, disk)
      // First, for what is done may be found in place of the database, however this goes on.
      await accepted()
      await disk.renameFolder(places.draft, places.done)
      await replace(places, before, disk)
    } catch (error) {
      await settle(places, disk)
      throw repairFault(folder, error)
    }
  })
  return places.damaged
}

async function replace(
  places: Places,
  before: ReadonlyMap<string, number>,
  disk: FolderDisk,
): Promise<void> {
  const { folder, damaged, done } = places
  await disk.removeFolder(damaged)
  await disk.renameFolder(folder, damaged)
  try {
    // Who opened it since wrote to it, or has its lock; who comes now does not find it.
    await assertLevelUnused(damaged)
    await assertSame(places, before, disk)
    await disk.renameFolder(done, folder)
  } catch (error) {
    await disk.renameFolder(damaged, folder)
    throw error
  }
}

/**
 * Ends what a repair left that was cut off: before anything is opened.
 *
 * @throws {DbFault} `Locked` while one is under way in another process
 */
export async function settleRepair(folder: string, disk: FolderDisk): Promise<void> {
  const places = new Places(folder)
  const { draft, done } = places
  if (!(await isThere(draft, disk)) && !(await isThere(done, disk))) return
  await whileLocked(places, () => settle(places, disk))
}

/** What is done takes the place of a database that was taken away for it. */
async function settle(places: Places, disk: FolderDisk): Promise<void> {
  const { folder, done } = places
  if ((await isThere(folder, disk)) || !(await isThere(done, disk))) return clear(places, disk)
  await disk.removeFolder(folder)
  await disk.renameFolder(done, folder)
}

async function isThere(path: string, disk: Disk): Promise<boolean> {
  return (await disk.list(path)).length > 0
}

/** Whether a repair was cut off right before the database had its name again. */
export async function isHeldByRepair(folder: string, disk: Disk): Promise<boolean> {
  return isThere(new Places(folder).done, disk)
}

async function clear(places: Places, disk: FolderDisk): Promise<void> {
  await disk.removeFolder(places.draft)
  await disk.removeFolder(places.done)
}

/** @throws {DbFault} `Locked` */
async function whileLocked<T>(places: Places, work: () => Promise<T>): Promise<T> {
  const lock = await openLock(places)
  try {
    return await work()
  } finally {
    await lock.close()
  }
}

async function openLock(places: Places): Promise<Level> {
  const lock = new Level(places.lock)
  const tried = async (step: () => Promise<void>): Promise<DbFault | undefined> => {
    try {
      await step()
      return undefined
    } catch (error) {
      const failed = `Cannot open the database "${places.folder}", which may be under repair ("${places.lock}")`
      return engineFault(failed, error)
    }
  }
  const fault = await tried(() => lock.open())
  if (fault === undefined) return lock
  if (fault.code !== 'CannotOpen') throw fault
  // It is damaged itself, and holds nothing that could be lost. This asks for its lock as well.
  const again = await tried(async () => {
    await (Level as unknown as Maintained).destroy(places.lock)
    await lock.open()
  })
  if (again !== undefined) throw again
  return lock
}

/** What is in a folder: names and sizes. */
async function stateOf(folder: string, disk: Disk): Promise<ReadonlyMap<string, number>> {
  const state = new Map<string, number>()
  for (const name of await disk.list(folder)) {
    if (CHANGES_ALWAYS.test(name)) continue
    // Folders that an older repair left are none of it.
    if (name === 'lost') continue
    const size = await withFile(disk, join(folder, name), (file) => file.sizeBytes())
    state.set(name, size)
  }
  return state
}

async function assertSame(
  places: Places,
  before: ReadonlyMap<string, number>,
  disk: Disk,
): Promise<void> {
  const now = await stateOf(places.damaged, disk)
  const isSame =
    now.size === before.size && [...now].every(([name, bytes]) => before.get(name) === bytes)
  if (isSame) return
  const message = `Cannot repair the database "${places.folder}": another process opened it meanwhile`
  throw new DbFault('Locked', message)
}

async function makeDraft(places: Places, disk: FolderDisk): Promise<void> {
  const { folder, draft } = places
  await disk.makeFolder(draft)
  for (const name of await disk.list(folder)) {
    if (CONTENT.test(name)) await disk.link(join(folder, name), join(draft, name))
  }
  await assertRoom(places, disk)
  await (Level as unknown as Maintained).repair(draft)
  await disk.removeFolder(join(draft, 'lost'))
  await merge(places)
  for (const name of await disk.list(draft)) {
    await withFile(disk, join(draft, name), (file) => file.datasync())
  }
}

/** Where LevelDB cannot write a log anew in full it sets it aside without a word: so room is asked for first. */
async function assertRoom({ folder, draft }: Places, disk: Disk): Promise<void> {
  let bytes = 0
  for (const size of (await stateOf(draft, disk)).values()) bytes += size * ROOM_FACTOR
  const { availableBytes, totalBytes } = await disk.space(draft)
  // Some file systems do not say.
  if (availableBytes >= bytes || totalBytes === 0) return
  throw new DbFault(
    'NotUsable',
    `Cannot repair the database "${folder}": that takes ${bytes} bytes on its drive, which has ${availableBytes}`,
  )
}

/** What LevelDB's repair leaves is found by the number of its file: a read may get an older row than a range does. */
async function merge({ folder, draft }: Places): Promise<void> {
  const level = levelAt(draft, false)
  await level.open()
  try {
    const maintained = level as unknown as MaintainedLevel
    await maintained.compactRange('', '\u{10ffff}')
    // It does not say itself that it failed.
    if (maintained.getProperty('leveldb.num-files-at-level0') === '0') return
  } finally {
    await level.close()
  }
  throw new DbFault(
    'NotUsable',
    `Cannot repair the database "${folder}", which is as it was: what was read of it could not be merged; its ` +
      `drive may be full, or fail`,
  )
}

function repairFault(folder: string, error: unknown): DbFault {
  if (error instanceof DbFault) return error
  return engineFault(`Cannot repair the database "${folder}", which is as it was`, error)
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

/** What classic-level has beyond the interface of `level`. */
interface Maintained {
  repair(folder: string): Promise<void>
  destroy(folder: string): Promise<void>
}

interface MaintainedLevel {
  compactRange(start: string, end: string): Promise<void>
  getProperty(name: string): string
}
