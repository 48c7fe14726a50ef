/**
 * The floors that collecting leaves behind: of each partition the highest ballot, and the highest
 * time, of what was collected there. They bind as the rows did that are gone.
 */

import {
  ballotText,
  ballotZero,
  compareBallots,
  maxBallot,
  parseBallot,
  type Ballot,
} from '../../base/ballot.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import type { Batch, Db, Tree } from '../../db/db.ts'

const stateTree: Tree<string> = { name: 'table-state', tag: '%', values: 'text' }

export interface Floor {
  /** Nothing below it is taken, nothing up to it promised. */
  readonly ballot: Ballot
  /**
   * No promise is given at a time up to it, whatever the epoch: what the rows remembered of
   * operations, and the times of their versions, reached so far.
   */
  readonly micros: number
}

export const noFloor: Floor = { ballot: ballotZero, micros: 0 }

export class Floors {
  readonly #db: Db
  /** Of those partitions that have one. */
  readonly #floors = new Map<number, Floor>()

  constructor(db: Db) {
    this.#db = db
    for (let partition = 0; partition <= LAYOUT_PARTITION; partition += 1) {
      const text = db.get(stateTree, stateKey(partition))
      if (text !== undefined) this.#floors.set(partition, parseFloor(text))
    }
  }

  of(partition: number): Floor {
    return this.#floors.get(partition) ?? noFloor
  }

  /** As it stands on stable storage. */
  stable(partition: number): Floor {
    if (!this.#floors.has(partition)) return noFloor
    const text = this.#db.getStable(stateTree, stateKey(partition))
    return text === undefined ? noFloor : parseFloor(text)
  }

  /** Those of the partitions that have one. */
  all(): ReadonlyMap<number, Floor> {
    return this.#floors
  }

  /** Binds at once, and stands on disk with the batch. */
  raise(batch: Batch, partition: number, floor: Floor): void {
    const before = this.of(partition)
    if (compareBallots(floor.ballot, before.ballot) <= 0 && floor.micros <= before.micros) return
    const next: Floor = {
      ballot: maxBallot(before.ballot, floor.ballot),
      micros: Math.max(before.micros, floor.micros),
    }
    this.#floors.set(partition, next)
    batch.put(stateTree, stateKey(partition), `${next.micros} ${ballotText(next.ballot)}`)
  }

  /** Of partitions that were emptied: their rows come back with the floors of their owners. */
  async clear(partitions: readonly number[]): Promise<void> {
    const known = partitions.filter((partition) => this.#floors.has(partition))
    if (known.length === 0) return
    await this.#db.write((batch) => {
      for (const partition of known) batch.del(stateTree, stateKey(partition))
    })
    for (const partition of known) this.#floors.delete(partition)
  }
}

function stateKey(partition: number): string {
  return `floor ${partition}`
}

/** @throws {TypeError} when it is not what `raise` writes */
function parseFloor(text: string): Floor {
  const cut = text.indexOf(' ')
  const micros = Number(text.slice(0, cut))
  if (cut < 0 || !Number.isSafeInteger(micros)) {
    throw new TypeError(`Cannot read the floor of a partition: "${text}"`)
  }
  return { ballot: parseBallot(text.slice(cut + 1)), micros }
}
