/** The high-water mark: on stable storage, above every ballot that this owner has answered to. */

import {
  ballotText,
  ballotZero,
  compareBallots,
  maxBallot,
  parseBallot,
  type Ballot,
} from '../../base/ballot.ts'
import type { Clock } from '../../base/clock.ts'
import type { Db, Reader, Tree } from '../../db/db.ts'

const stateTree: Tree<string> = { name: 'table-state', tag: '%', values: 'text' }
const MARK_KEY = 'mark'

/** How far above the wall clock the mark is set: so that it is raised once in this time at most. */
const RESERVE_MICROS = 2_000_000
/** Raised beforehand, without anybody waiting, when less than this is left. */
const LOW_MICROS = 1_000_000
const ABOVE_BALLOT_MICROS = 100_000
/** Sorts behind every node: a mark lies above all ballots of its microsecond. */
const LAST_NODE = '~'

/** The mark that a start finds; zero in a new database. */
export function readMark(reader: Reader): Ballot {
  const text = reader.get(stateTree, MARK_KEY)
  return text === undefined ? ballotZero : parseBallot(text)
}

export class Mark {
  readonly #db: Db
  readonly #clock: Clock
  /** Nothing at or above it may be answered before it is raised. */
  #stable: Ballot
  #raising: { readonly to: Ballot; readonly stable: Promise<void> } | undefined
  #highest: Ballot

  constructor(db: Db, clock: Clock) {
    this.#db = db
    this.#clock = clock
    this.#stable = readMark(db)
    this.#highest = this.#stable
  }

  /** Undefined when the mark on disk lies above `ballot`, else what resolves once it does. */
  cover(ballot: Ballot): Promise<void> | undefined {
    this.#highest = maxBallot(this.#highest, ballot)
    if (compareBallots(ballot, this.#stable) < 0) {
      if (this.#raising === undefined && this.#stable.time - ballot.time < LOW_MICROS) {
        this.#raise(ballot).catch(() => undefined)
      }
      return undefined
    }
    if (this.#raising !== undefined && compareBallots(ballot, this.#raising.to) < 0) {
      return this.#raising.stable
    }
    return this.#raise(ballot)
  }

  /** A clean stop: the highest ballot seen, so that restarts do not walk the clock ahead. */
  async lower(): Promise<void> {
    await this.#raising?.stable
    const text = ballotText(this.#highest)
    await this.#db.write((batch) => batch.put(stateTree, MARK_KEY, text))
  }

  #raise(ballot: Ballot): Promise<void> {
    const before = this.#raising?.to ?? this.#stable
    const to: Ballot = {
      ...maxBallot(before, ballot),
      time: Math.max(
        before.time,
        ballot.time + ABOVE_BALLOT_MICROS,
        this.#clock.wallMicros() + RESERVE_MICROS,
      ),
      node: LAST_NODE,
    }
    const stable = this.#db
      .write((batch) => batch.put(stateTree, MARK_KEY, ballotText(to)))
      .then(() => {
        this.#stable = maxBallot(this.#stable, to)
      })
      .finally(() => {
        if (this.#raising?.to === to) this.#raising = undefined
      })
    this.#raising = { to, stable }
    return stable
  }
}
