/**
 * An owner's side of collecting: it confirms that it holds exactly the rows named, and throws them
 * away once all owners have.
 *
 * Why both steps are safe: doc/decisions/0060-collecting-tombstones.md.
 */

import { compareBallots, type Ballot } from '../../base/ballot.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Batch, Db } from '../../db/db.ts'
import type { Custody } from '../custody.ts'
import { TableError } from '../errors.ts'
import type { Floors } from '../owner/floors.ts'
import { digestOf, valueOf, type LocalTable } from '../owner/local.ts'
import type { Owner } from '../owner/owner.ts'
import type { Replication } from '../replication.ts'
import { unpackRegister, type RegisterRow } from '../row.ts'
import type { Rpc } from '../rpc.ts'
import type { RegisterTable } from '../schema.ts'
import type { ConfirmMessage, DropMessage } from './messages.ts'
import { partitionOfKey, readUnit, type UnitRows } from './units.ts'
import { confirmShape, dropShape } from '../wire/messages.ts'

export interface CollectedOptions {
  readonly db: Db
  readonly cluster: Cluster
  readonly custody: Custody
  readonly replication: Replication
  readonly owner: Owner
  readonly floors: Floors
  readonly registers: ReadonlyMap<string, LocalTable>
}

/** Whether a register holds nothing any more. One that was only settled never held anything. */
export function isForgettable(table: RegisterTable, row: RegisterRow): boolean {
  if (table.isTombstone === undefined) return false
  const value = valueOf(table, row)
  return value === undefined || table.isTombstone(value)
}

/** While the layout changes nothing is collected: owners to be would have to confirm as well. */
export function isMoving(cluster: Cluster): boolean {
  const history = cluster.history()
  return history !== undefined && history.active.length !== 1
}

export class CollectedRows {
  readonly #options: CollectedOptions

  constructor(options: CollectedOptions) {
    this.#options = options
  }

  /** Both sides live in the same epoch, so both know the same owners. */
  listen(rpc: Rpc): void {
    rpc.handle('collect/confirm', (message: ConfirmMessage) => this.confirm(message), {
      shape: confirmShape,
      isCurrent: true,
    })
    rpc.handle('collect/drop', (message: DropMessage) => this.drop(message), {
      shape: dropShape,
      isCurrent: true,
    })
  }

  /** For each row whether exactly it lies here, on stable storage, or lay here and was collected. */
  confirm(message: ConfirmMessage): readonly boolean[] {
    const local = this.#table(message.table)
    return message.units.map((unit, index) => {
      const partition = this.#assertOwned(local, unit)
      if (this.#options.db.pending(local.rows, unit) !== undefined) return false
      const stored = this.#options.db.getStable(local.rows, unit)
      if (stored === undefined) return this.#isBelowFloor(partition, message.ballots[index]!)
      return equalBytes(digestOf(stored), message.digests[index]!)
    })
  }

  /** Resolves once they are gone, and the floors stand, on stable storage. */
  async drop(message: DropMessage): Promise<null> {
    const { db, floors } = this.#options
    const local = this.#table(message.table)
    const sides: UnitRows['sides'][] = []
    for (const unit of message.units) {
      this.#assertOwned(local, unit)
      const synced = { table: local.table, rows: local.rows, sides: local.sides }
      sides.push((await readUnit(db, synced, unit)).sides)
    }
    // The layout may have begun to change while the side rows were read.
    for (const unit of message.units) this.#assertOwned(local, unit)
    await db.write((batch) => {
      for (const { partition, ballot, micros } of message.floors) {
        floors.raise(batch, partition, { ballot, micros })
      }
      message.units.forEach((unit, index) => {
        const stored = batch.get(local.rows, unit)
        if (stored === undefined || !equalBytes(digestOf(stored), message.digests[index]!)) return
        this.#dropRow(batch, local, { unit, row: unpackRegister(stored), sides: sides[index]! })
      })
    })
    return null
  }

  #dropRow(
    batch: Batch,
    local: LocalTable,
    at: { readonly unit: string; readonly row: RegisterRow; readonly sides: UnitRows['sides'] },
  ): void {
    const { table } = local
    const { unit, row, sides } = at
    const value = valueOf(table, row)
    for (const { definition, tree } of local.indexes.values()) {
      const isListed = value !== undefined && definition.line(value, keyOf(unit)) !== undefined
      if (!isListed && batch.get(tree, unit) !== undefined) batch.del(tree, unit)
    }
    if (!isForgettable(table, row)) return
    batch.del(local.rows, unit)
    this.#options.owner.forget(local, unit)
    for (const { side, sortKey } of sides) {
      batch.del(local.sides.get(side)!, `${unit}\0${sortKey}`)
    }
  }

  /** Nothing lies here, and nothing that is older than `ballot` can come to lie here again. */
  #isBelowFloor(partition: number, ballot: Ballot | null): boolean {
    if (ballot === null) return false
    return compareBallots(this.#options.floors.stable(partition).ballot, ballot) >= 0
  }

  /** @throws {TableError} `NotOwner`, `NotReady` */
  #assertOwned(local: LocalTable, unit: string): number {
    const { custody, replication } = this.#options
    const partition = partitionOfKey(local.table.placement, unit)
    if (!replication.isOwner(partition)) {
      throw new TableError('NotOwner', `Cannot answer for partition ${partition}: not owned`)
    }
    if (replication.collecting(partition) === undefined) {
      throw new TableError('NotReady', 'Cannot collect rows while the layout changes')
    }
    custody.assertHeld(partition)
    custody.assertVotes(partition, true)
    return partition
  }

  #table(name: string): LocalTable {
    const local = this.#options.registers.get(name)
    if (local === undefined) throw new TableError('BadMessage', `Cannot find table "${name}"`)
    return local
  }
}

function keyOf(unit: string): string {
  return unit.slice(unit.indexOf('\0') + 1)
}
