/** Tells every node of changed rows that it may have copies of. */

import { sleep, type Clock } from '../../base/clock.ts'
import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import { PEER_GONE_MS, ROW_COPY_MS_MAX } from '../../base/limits.ts'
import type { Network } from '../../base/network.ts'
import { Silences } from '../../base/silence.ts'
import { StoreError } from '../errors.ts'
import { isCopied, type Caches, type CopiedTable } from '../caches.ts'

const ENDPOINT = 'store/changed'
const ANSWER_MS = 1_000
/** Clocks of two machines run apart by less than a quarter in the life of a copy. */
const RUN_OUT_MS = ROW_COPY_MS_MAX * 1.25
/** Rows that one message tells of. */
const ROWS_MAX = 1_000

/** A row that every node may have a copy of. */
export interface CopiedRow {
  readonly table: CopiedTable
  readonly name: string
}

/**
 * Rows were changed, and the changes are chosen. Resolves once no node shows what they were before:
 * each has said so, or whatever copies it has have run out.
 */
export type AnnounceChanges = (rows: readonly CopiedRow[]) => Promise<void>

export interface ShareCopiesOptions {
  readonly network: Network
  readonly clock: Clock
  readonly caches: Pick<Caches, 'drop'>
  /** Whether a node was declared lost, or has no role in any layout. */
  readonly isOutside?: (node: NodeId) => boolean
}

/** Answers the other nodes from now on. */
export function shareCopies(options: ShareCopiesOptions): AnnounceChanges {
  const { network, clock, caches } = options
  const audience = new Audience(options)
  network.handle(ENDPOINT, (_from, message) => {
    for (const { table, name } of readRows(message)) caches.drop(table, name)
    return null
  })
  return async (rows) => {
    for (const { table, name } of rows) caches.drop(table, name)
    const since = clock.monotonicMicros()
    const told = await Promise.all(network.peers().map(({ node }) => audience.tell(node, rows)))
    if (told.every((isTold) => isTold)) return
    const passedMs = (clock.monotonicMicros() - since) / 1000
    await sleep(clock, Math.max(0, RUN_OUT_MS - passedMs))
  }
}

/** The other nodes. */
class Audience {
  readonly #options: ShareCopiesOptions
  readonly #silences: Silences

  constructor(options: ShareCopiesOptions) {
    this.#options = options
    this.#silences = new Silences(options.clock)
  }

  /** Whether a node has no copy of them any more; of one that left for good it is taken for true. */
  async tell(node: NodeId, rows: readonly CopiedRow[]): Promise<boolean> {
    const { network, clock, isOutside } = this.#options
    const asked = clock.monotonicMicros()
    try {
      for (let start = 0; start < rows.length; start += ROWS_MAX) {
        const part = rows.slice(start, start + ROWS_MAX).map(({ table, name }) => [table, name])
        await network.call(node, ENDPOINT, part, { deadlineMs: ANSWER_MS })
      }
      this.#silences.answered(node)
      return true
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#silences.unanswered(node, asked)
      return isOutside?.(node) === true && this.#silences.spanMs(node) >= PEER_GONE_MS
    }
  }
}

/** @throws {StoreError} `Unavailable` */
function readRows(message: unknown): readonly CopiedRow[] {
  const rows: readonly unknown[] = Array.isArray(message) ? message : [message]
  if (rows.length > ROWS_MAX) throw unreadable()
  return rows.map((row) => {
    const [table, name] = Array.isArray(row) ? (row as unknown[]) : []
    if (isCopied(table) && typeof name === 'string') return { table, name }
    throw unreadable()
  })
}

function unreadable(): StoreError {
  return new StoreError('Unavailable', 'Cannot read what was changed: its form is unknown')
}
