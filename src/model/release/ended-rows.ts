/**
 * The worker that throws away what lies on this node behind the gates of deleted buckets.
 *
 * A row that a minority took before the gate closed can neither be finished nor outranked there, so
 * owners would differ for ever. It was never chosen: the bucket was found empty behind closed gates.
 */

import { DomainError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../../db/db.ts'
import type { OpenTables } from '../../table/table.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { closedGates, GATE_KEY } from '../rows/gate.ts'
import type { ModelTables } from '../tables.ts'

const GATES_PER_STEP = 100

export interface EndedRowsOptions {
  readonly db: Db
  readonly tables: Pick<OpenTables, 'get' | 'discard'>
  readonly model: Pick<ModelTables, 'gate' | 'object'>
  readonly log: Log
  readonly intervalMs: number
}

export class EndedRows implements Worker {
  readonly name = 'ended-rows'
  readonly tranquility = 4
  readonly intervalMs: number
  readonly #options: EndedRowsOptions
  #after = ''

  constructor(options: EndedRowsOptions) {
    this.#options = options
    this.intervalMs = options.intervalMs
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const { db, tables, model, log } = this.#options
    const slice = await db.range(closedGates, { gt: this.#after, limit: GATES_PER_STEP })
    for (const { key: partitionKey, value } of slice) {
      signal.throwIfAborted()
      if (value !== 'deleted') continue
      const isOver = (): Promise<boolean> => this.#isDeleted(partitionKey)
      try {
        await tables.discard(model.object, { partitionKey, isOver, signal })
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        log.debug({ code: String(error.code) }, 'a gate could not be read; it is tried again')
      }
    }
    this.#after = slice.length < GATES_PER_STEP ? '' : slice.at(-1)!.key
    return this.#after === '' ? 'idle' : 'busy'
  }

  /** The row here need not be the chosen one. */
  async #isDeleted(partitionKey: string): Promise<boolean> {
    const { tables, model } = this.#options
    const gate = await tables.get({ table: model.gate, partitionKey, key: GATE_KEY })
    return gate?.state === 'deleted'
  }
}
