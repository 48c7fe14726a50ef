/** The promises of this owner: in memory, until a row passes them or they are written down. */

import {
  ballotText,
  compareBallots,
  maxBallot,
  parseBallot,
  type Ballot,
} from '../../base/ballot.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Batch, Db, Tree } from '../../db/db.ts'
import { DbFault } from '../../db/errors.ts'
import type { Rules } from '../rules.ts'

const promiseTree: Tree<string> = { name: 'table-promise', tag: '!', values: 'text' }

export interface PromiseLimits {
  readonly ageMs: number
  readonly openMax: number
}

interface OpenPromise {
  readonly ballot: Ballot
  readonly sinceMicros: number
}

/** Registers are named here by the tag of their table and the key of their row. */
export class Promises {
  readonly #db: Db
  readonly #clock: Clock
  readonly #rules: Rules
  readonly #limits: PromiseLimits
  /** In the order of their age. */
  readonly #open = new Map<string, OpenPromise>()
  /** Whether any promise may stand on disk: else nobody needs to look there. */
  #someWritten = true
  /** Undefined while nothing is open: an idle node looks at nothing. */
  #cancelRetiring: Cancel | undefined
  #isStopped = false

  constructor(options: {
    readonly db: Db
    readonly clock: Clock
    readonly rules: Rules
    readonly limits: PromiseLimits
  }) {
    this.#db = options.db
    this.#clock = options.clock
    this.#rules = options.rules
    this.#limits = options.limits
  }

  get openCount(): number {
    return this.#open.size
  }

  /** At a start: written promises below the mark bind no more, since the mark does. */
  async start(mark: Ballot): Promise<void> {
    let after = ''
    let kept = 0
    for (;;) {
      const slice = await this.#db.range(promiseTree, { gt: after, limit: SCAN_SLICE_ROWS })
      const idle = slice.filter(({ value }) => compareBallots(parseBallot(value), mark) <= 0)
      kept += slice.length - idle.length
      if (idle.length > 0) {
        // A database that may only be read keeps them; they bind nobody.
        await this.#db
          .write((batch) => {
            for (const { key } of idle) batch.del(promiseTree, key)
          })
          .catch((error: unknown) => {
            if (!(error instanceof DbFault) || error.code !== 'ReadOnly') throw error
            kept += idle.length
          })
      }
      if (slice.length < SCAN_SLICE_ROWS) break
      after = slice.at(-1)!.key
    }
    if (kept === 0 && this.#open.size === 0) this.#someWritten = false
  }

  get(register: string): Ballot | undefined {
    const open = this.#open.get(register)?.ballot
    if (!this.#someWritten) return open
    const text = this.#db.get(promiseTree, register)
    if (text === undefined) return open
    const written = parseBallot(text)
    return open === undefined ? written : maxBallot(open, written)
  }

  set(register: string, ballot: Ballot): void {
    this.#open.delete(register)
    this.#open.set(register, { ballot, sinceMicros: this.#clock.monotonicMicros() })
    if (this.#open.size > this.#limits.openMax) this.retire()
    this.#retireLater()
  }

  /** From now on nothing is retired any more. */
  stop(): void {
    this.#isStopped = true
    this.#cancelRetiring?.()
  }

  /** Puts a promise on disk at once; resolves when it is stable. */
  write(register: string, ballot: Ballot): Promise<void> {
    this.#someWritten = true
    return this.#db.write((batch) => batch.put(promiseTree, register, ballotText(ballot)))
  }

  /** A row that is taken binds as much as any promise below it: a written one goes in its batch. */
  passed(batch: Batch, register: string): void {
    if (this.#someWritten && batch.get(promiseTree, register) !== undefined) {
      batch.del(promiseTree, register)
    }
  }

  /** The row is in the newest view now: the promise in memory can go too. */
  forget(register: string): void {
    this.#open.delete(register)
  }

  /** Writes down what is old, and the oldest of too many. Never drops one for its age. */
  retire(): void {
    const oldest = this.#clock.monotonicMicros() - this.#limits.ageMs * 1000
    const leaving: [string, OpenPromise][] = []
    // A tenth at a time, so that a full map is not walked for every new promise.
    const target = this.#open.size > this.#limits.openMax ? this.#limits.openMax * 0.9 : Infinity
    for (const entry of this.#open) {
      const isOld = entry[1].sinceMicros <= oldest
      if (!isOld && this.#open.size - leaving.length <= target) break
      leaving.push(entry)
    }
    if (leaving.length === 0) return
    for (const [register] of leaving) this.#open.delete(register)
    if (this.#rules.promiseLeavingMemory === 'forgotten') return
    this.#someWritten = true
    // Not waited for: the newest view has them at once, and until they are stable the mark binds.
    this.#db
      .write((batch) => {
        for (const [register, { ballot }] of leaving) {
          batch.put(promiseTree, register, ballotText(ballot))
        }
      })
      .catch((error: unknown) => this.#takeBack(leaving, error))
  }

  /** A database that failed takes none; until its process ends they bind from memory. */
  #takeBack(leaving: readonly [string, OpenPromise][], error: unknown): void {
    // Where nothing was ever written nothing is accepted: a promise there keeps nothing out.
    if (error instanceof DbFault && error.code === 'ReadOnly') return
    for (const [register, promise] of leaving) {
      const newer = this.#open.get(register)
      const ballot = newer === undefined ? promise.ballot : maxBallot(newer.ballot, promise.ballot)
      this.#open.set(register, { ballot, sinceMicros: promise.sinceMicros })
    }
  }

  /** Once the oldest of now is old; sooner than a quarter of that age it is not worth it. */
  #retireLater(): void {
    const [oldest] = this.#open.values()
    if (oldest === undefined || this.#cancelRetiring !== undefined || this.#isStopped) return
    const { ageMs } = this.#limits
    const oldMs = (this.#clock.monotonicMicros() - oldest.sinceMicros) / 1000
    const delayMs = Math.max(ageMs - oldMs, ageMs / 4)
    this.#cancelRetiring = this.#clock.after(delayMs, () => {
      this.#cancelRetiring = undefined
      this.retire()
      this.#retireLater()
    })
  }
}
