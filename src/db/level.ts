/** The engine on disk: LevelDB by way of `level`, every batch synced. */

import { Level } from 'level'
import { assert } from '../base/assert.ts'
import { UTF8_UNIT_BYTES_MAX } from '../base/bytes.ts'
import { KIB, LEVEL_CACHE_BYTES, LEVEL_WRITE_BUFFER_BYTES, MIB } from '../base/limits.ts'
import type { RangeOptions } from './db.ts'
import type { Engine, Operation, Stored, ValueForm } from './engine.ts'
import { DbFault } from './errors.ts'

/** A table file: large ones make fewer open files and longer, rarer compactions. */
const FILE_SIZE_BYTES_MAX = 32 * MIB
/** One slice of a walk is read ahead up to this; more rows come with the next read. */
const READ_AHEAD_BYTES = 1 * MIB
/**
 * An iterator of classic-level 3.0.0 keeps a copy of the rows that it read last, outside of V8's
 * heap and unknown to V8, until V8 has marked its whole heap, closed or not: 0.4 MB for a page of
 * 1,000. So it is made to read once more, at its end, after more than these.
 */
const ROWS_LEFT_MAX = 16
/** Room for the key of a point read. */
const KEY_ROOM_BYTES = 8 * KIB

/** What classic-level 3.0.0 has an iterator read, whatever `limit` says. */
interface NativeIterator {
  _nextv(size: number, options: object): Promise<unknown[]>
}

class LevelEngine implements Engine {
  readonly #level: Level<string, Stored>
  readonly #folder: string

  constructor(level: Level<string, Stored>, folder: string) {
    this.#level = level
    this.#folder = folder
    // classic-level 3.0.0 writes the key of `getSync` into a buffer that fitted the longest key so
    // far. When the cut falls inside a character it takes the cut key for a whole one and finds
    // nothing. So the room is made here, once.
    level.getSync('k'.repeat(KEY_ROOM_BYTES))
  }

  get(key: string, form: ValueForm): Stored | undefined {
    try {
      if (key.length * UTF8_UNIT_BYTES_MAX <= KEY_ROOM_BYTES) {
        return form === 'text' ? this.#level.getSync(key, textForm) : this.#level.getSync(key)
      }
      const valueEncoding = encodingOf(form)
      const options = { keyEncoding: 'buffer', valueEncoding } as const
      return this.#level.getSync<Buffer, Stored>(Buffer.from(key), options)
    } catch (error) {
      throw readFault(this.#folder, error)
    }
  }

  async range(options: RangeOptions, form: ValueForm): Promise<[string, Stored][]> {
    const { limit } = options
    const iterator = this.#level.iterator({
      ...options,
      keyEncoding: 'utf8',
      valueEncoding: encodingOf(form),
      highWaterMarkBytes: READ_AHEAD_BYTES,
    })
    try {
      const entries = await iterator.nextv(limit)
      while (entries.length < limit) {
        const more = await iterator.nextv(limit - entries.length)
        if (more.length === 0) break
        entries.push(...more)
      }
      // LevelDB steps over what it cannot read. The iterator remembers that, and tells it at its end alone: one that
      // has all that it may give is sent there, past what counts the same on this side.
      if (entries.length === limit) await (iterator as unknown as NativeIterator)._nextv(1, {})
      else if (entries.length > ROWS_LEFT_MAX) {
        // One that is at its end reads no more, and so keeps what it read, unless sent back.
        iterator.seek(entries[0]![0])
        await iterator.nextv(1)
      }
      return entries
    } catch (error) {
      throw readFault(this.#folder, error)
    } finally {
      await iterator.close()
    }
  }

  async write(operations: readonly Operation[]): Promise<void> {
    // A chained batch costs less than half of `batch(list)`, which copies each operation.
    const batch = this.#level.batch()
    for (const { type, key, value } of operations) {
      if (type === 'del' || value === undefined) batch.del(key)
      else if (typeof value === 'string') batch.put(key, value, textForm)
      else batch.put(key, value)
    }
    try {
      await batch.write(synced)
    } catch (error) {
      // What it merges in the background it has to read: then it takes nothing more.
      throw isCorruption(error) ? readFault(this.#folder, error) : error
    }
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

const textForm = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
const synced = { sync: true } as const

function encodingOf(form: ValueForm): 'utf8' | 'view' {
  return form === 'text' ? 'utf8' : 'view'
}

/**
 * Opens the LevelDB folder.
 *
 * @param options.create make a database where there is none. Only for a first initialisation:
 *   LevelDB takes a folder that lost its `CURRENT` for an empty one.
 * @throws {DbFault} `Locked`, `CannotOpen`
 */
export async function openLevelEngine(
  folder: string,
  options: { readonly create: boolean },
): Promise<Engine> {
  const level = levelAt(folder, options.create)
  try {
    await level.open()
  } catch (error) {
    throw openFault(folder, error)
  }
  return new LevelEngine(level, folder)
}

export function levelAt(folder: string, createIfMissing: boolean): Level<string, Stored> {
  return new Level<string, Stored>(folder, {
    ...{ keyEncoding: 'utf8', valueEncoding: 'view', createIfMissing },
    writeBufferSize: LEVEL_WRITE_BUFFER_BYTES,
    cacheSize: LEVEL_CACHE_BYTES,
    maxFileSize: FILE_SIZE_BYTES_MAX,
  })
}

/**
 * LevelDB takes the lock of the folder first, then refuses a database for being there: it is not read.
 *
 * @throws {DbFault} `Locked`
 */
export async function assertLevelUnused(folder: string): Promise<void> {
  const level = new Level<string, Stored>(folder, { createIfMissing: false, errorIfExists: true })
  const fault = await level.open().then(
    () => undefined,
    (error: unknown) => openFault(folder, error),
  )
  assert(fault !== undefined, 'a database that is there, or is not, is refused')
  if (fault.code === 'Locked') throw fault
}

function isCorruption(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'LEVEL_CORRUPTION'
}

function readFault(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code !== 'LEVEL_CORRUPTION' && error.code !== 'LEVEL_IO_ERROR') return error
  const { message: reason } = error
  return new DbFault('Unreadable', 'Cannot read some rows of the database', {
    cause: error,
    details: { reason, folder, mayPass: isNoDamage.test(reason) },
  })
}

/** What the engine says when its files may well be whole. */
const isNoDamage =
  /permission denied|read-only file system|no space left|quota exceeded|too many open files|cannot allocate memory/i

/** What the opening of a folder failed with. */
function openFault(folder: string, error: unknown): DbFault {
  return engineFault(`Cannot open the database "${folder}"`, error)
}

/** @param failed the begin of a sentence */
export function engineFault(failed: string, error: unknown): DbFault {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
    return new DbFault('Locked', `${failed}: another process has it open`)
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  const code = isNoDamage.test(reason) ? 'NotUsable' : 'CannotOpen'
  return new DbFault(code, `${failed}: ${reason}`, { cause })
}
