/** After a loss of rows: the index may be an old one, so each record that it names is looked at once. */

import type { Log } from '../base/log.ts'
import type { Batch, Db } from '../db/db.ts'
import type { Worker, WorkState } from '../worker/worker.ts'
import type { ScrubReport } from './blocks.ts'
import { stateTree, type References } from './references.ts'
import type { ScrubPlace } from './scrub.ts'
import type { BlockIndex } from './segment/index.ts'

/** Value: how often it was asked for; no row where all was looked at since. */
const KEY = 'recheck'
/** Value: the last block that was looked at for it; no row before the first ones were. */
const PLACE_KEY = 'recheck-after'
/** Value: the incarnation of the database whose blocks were asked for last. */
const INCARNATION_KEY = 'recheck-incarnation'
/** Wanted in one batch: it is filled in one turn, and requests wait for that. */
const BATCH_HASHES = 128
const INTERVAL_MS = 600_000

/** Whether rows were lost since the blocks were asked for last: the database is of another incarnation. */
export function isOtherThanBefore(db: Db, incarnation: string): boolean {
  return db.get(stateTree, INCARNATION_KEY) !== incarnation
}

export interface RecheckOptions {
  readonly db: Db
  readonly log: Log
  readonly scrub: (signal: AbortSignal, place: ScrubPlace) => Promise<ScrubReport>
  /** Of the database as it is now: another after every loss of rows that was accepted. */
  readonly incarnation: () => string
  readonly index: BlockIndex
  readonly references: References
}

/**
 * The worker that reads all blocks once after the database lost rows.
 *
 * An index that is older than the segments names records that were written over since. Such a block
 * is not wanted before somebody reads it, and counts as a copy until then: so it is read now. A look
 * that a stop cuts off goes on with the next start. What is referred to and the index names no more is
 * wanted first.
 */
export class Recheck implements Worker {
  readonly name = 'block-recheck'
  readonly intervalMs = INTERVAL_MS
  /** The scrub itself rests between two blocks. */
  readonly tranquility = 0
  readonly #options: RecheckOptions

  constructor(options: RecheckOptions) {
    this.#options = options
  }

  /** Whether blocks may count as copies that nobody has looked at since rows were lost. */
  get isDue(): boolean {
    const { db, incarnation } = this.#options
    // Before `begin` has come too.
    return this.#asked() !== undefined || isOtherThanBefore(db, incarnation())
  }

  /** At a start: asks where rows were lost since, by whatever process that was accepted. */
  async begin(): Promise<void> {
    const { db, incarnation, index, references } = this.#options
    if (!isOtherThanBefore(db, incarnation())) return
    const found = [await index.hashes(undefined, 1), await references.counted(undefined, 1)]
    if (found.flat().length > 0) await this.ask()
    else await db.write((batch) => batch.put(stateTree, INCARNATION_KEY, incarnation()))
  }

  /** Has all blocks looked at; stable when it resolves. */
  ask(): Promise<void> {
    const { db, incarnation } = this.#options
    return db.write((batch) => {
      batch.put(stateTree, KEY, String(Number(batch.get(stateTree, KEY) ?? 0) + 1))
      batch.del(stateTree, PLACE_KEY)
      batch.put(stateTree, INCARNATION_KEY, incarnation())
    })
  }

  remarks(): readonly string[] {
    return this.#asked() === undefined ? [] : ['reads every block once, for rows were lost']
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { db, log, scrub } = this.#options
    const asked = this.#asked()
    if (asked === undefined) return 'idle'
    await this.#wantUnnamed(signal)
    const after = db.get(stateTree, PLACE_KEY)
    /** It may have been asked for again meanwhile: that begins anew. */
    const ifStillAsked = (change: (batch: Batch) => void): Promise<void> =>
      db.write((batch) => {
        if (batch.get(stateTree, KEY) === asked) change(batch)
      })
    const passed = (hash: string): Promise<void> =>
      ifStillAsked((batch) => batch.put(stateTree, PLACE_KEY, hash))
    const { blocks, corrupt } = await scrub(signal, { after, passed })
    await ifStillAsked((batch) => {
      batch.del(stateTree, KEY)
      batch.del(stateTree, PLACE_KEY)
    })
    log.warn({ blocks, notThere: corrupt.length }, 'every block was read, for rows were lost')
    return this.#asked() === undefined ? 'idle' : 'busy'
  }

  async #wantUnnamed(signal: AbortSignal): Promise<void> {
    const { db, index, references } = this.#options
    let after: string | undefined
    for (;;) {
      signal.throwIfAborted()
      const hashes = await references.counted(after, BATCH_HASHES)
      if (hashes.some((hash) => index.find(hash) === undefined)) {
        await db.write((batch) => {
          for (const hash of hashes) {
            if (index.find(hash, batch) === undefined) references.lost(batch, hash)
          }
        })
      }
      if (hashes.length < BATCH_HASHES) return
      after = hashes.at(-1)
    }
  }

  #asked(): string | undefined {
    return this.#options.db.get(stateTree, KEY)
  }
}
