/** The side of sync that is asked: digests, and the rows behind them. */

import { compareUtf8, concatBytes } from '../../base/bytes.ts'
import { packedSizeMax } from '../../base/codec.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Db } from '../../db/db.ts'
import type { Custody } from '../custody.ts'
import { TableError } from '../errors.ts'
import { Freight, inMessages } from '../../base/freight.ts'
import type { Floors } from '../owner/floors.ts'
import type { Rpc } from '../rpc.ts'
import { hasVeto } from '../schema.ts'
import { leafNumber, TableDigests } from './digests.ts'
import type {
  DigestsAnswer,
  DigestsMessage,
  FloorsAnswer,
  KeysAnswer,
  KeysMessage,
  LeavesAnswer,
  LeavesMessage,
  RootsAnswer,
  RootsMessage,
  TravellingUnit,
  UnitsAnswer,
  UnitsMessage,
} from './messages.ts'
import {
  digestOfUnit,
  digestSources,
  partitionBounds,
  partitionOfKey,
  readUnit,
  type SyncedTable,
  type UnitRows,
} from './units.ts'
import {
  digestsShape,
  keysShape,
  leavesShape,
  nothingShape,
  rootsShape,
  unitsShape,
} from '../wire/messages.ts'

/** The digests of every table of this node, made when they are first needed. */
export class NodeDigests {
  readonly #db: () => Db
  readonly #tables: ReadonlyMap<string, SyncedTable>
  readonly #digests = new Map<string, TableDigests>()
  readonly #byTag = new Map<string, TableDigests>()

  /** @param db asked for when digests are first needed */
  constructor(db: () => Db, tables: ReadonlyMap<string, SyncedTable>) {
    this.#db = db
    this.#tables = tables
  }

  get isWatching(): boolean {
    return this.#byTag.size > 0
  }

  isWatched(tag: string): boolean {
    return this.#byTag.has(tag)
  }

  changed(
    tag: string,
    key: string,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): void {
    this.#byTag.get(tag)?.changed(tag, key, before, after)
  }

  /** The digests of a table, whole. */
  async of(name: string, signal: AbortSignal): Promise<TableDigests> {
    let found = this.#digests.get(name)
    if (found === undefined) {
      const synced = tableNamed(this.#tables, name)
      const { placement } = synced.table
      const sources = digestSources(synced)
      found = new TableDigests(this.#db(), sources, (key) => partitionOfKey(placement, key))
      this.#digests.set(name, found)
      for (const { tree } of sources) this.#byTag.set(tree.tag, found)
    }
    await found.build(signal)
    return found
  }
}

export interface SyncSourceOptions {
  readonly db: Db
  readonly tables: ReadonlyMap<string, SyncedTable>
  readonly digests: NodeDigests
  readonly custody: Custody
  readonly floors: Floors
  /** Ends with the node. */
  readonly signal: AbortSignal
}

export class SyncSource {
  readonly #options: SyncSourceOptions

  constructor(options: SyncSourceOptions) {
    this.#options = options
  }

  /** Whoever asks lives in our epoch: so nothing of an older one is accepted after we answered. */
  listen(rpc: Rpc): void {
    rpc.handle('sync/roots', (message: RootsMessage) => this.#roots(message), {
      shape: rootsShape,
      isCurrent: true,
    })
    rpc.handle('sync/leaves', (message: LeavesMessage) => this.#leaves(message), {
      shape: leavesShape,
      isCurrent: true,
    })
    rpc.handle('sync/keys', (message: KeysMessage) => this.#keys(message), {
      shape: keysShape,
      isCurrent: true,
    })
    rpc.handle('sync/digests', (message: DigestsMessage) => this.#digestsOf(message), {
      shape: digestsShape,
      isCurrent: true,
    })
    rpc.handle('sync/units', (message: UnitsMessage) => this.#units(message), {
      shape: unitsShape,
      isCurrent: true,
    })
    rpc.handle('sync/floors', () => this.#floorsHere(), { shape: nothingShape, isCurrent: true })
  }

  async #roots({ tables }: RootsMessage): Promise<RootsAnswer> {
    // What was taken in an older epoch may not be stable yet: then it would be shown to nobody below, and
    // yet be counted. Whoever gathers or recovers would lack it, and never ask again.
    await this.#options.db.write(() => undefined)
    // Whoever compares takes it for an owner that holds what it should, and nothing from earlier.
    this.#options.custody.assertVotesEverywhere()
    this.#options.custody.assertHeldEverywhere()
    const answer: RootsAnswer[number][] = []
    for (const table of tables) {
      const roots = [...(await this.#digests(table)).roots()]
      answer.push({
        partitions: roots.map(([partition]) => partition),
        roots: concatBytes(...roots.map(([, root]) => root)),
      })
    }
    return answer
  }

  async #leaves({ table, partition }: LeavesMessage): Promise<LeavesAnswer> {
    this.#assertWhole(table, partition)
    return { leaves: (await this.#digests(table)).leaves(partition) }
  }

  async #keys(message: KeysMessage): Promise<KeysAnswer> {
    const { db, tables } = this.#options
    this.#assertWhole(message.table, message.partition)
    const synced = tableNamed(tables, message.table)
    const wanted = new Set(message.leaves)
    const { gte, lt } = partitionBounds(synced.table.placement, message.partition)
    const from = message.after === '' ? { gte } : { gt: message.after }
    const slice = await db.range(synced.rows, { lt, limit: SCAN_SLICE_ROWS, ...from })
    const units: string[] = []
    const digests: Uint8Array[] = []
    for (const { key } of slice) {
      if (!wanted.has(leafNumber(key))) continue
      units.push(key)
      digests.push(await digestOfUnit(db, synced, key))
    }
    const next = slice.length < SCAN_SLICE_ROWS ? null : slice.at(-1)!.key
    return { units, digests: concatBytes(...digests), next }
  }

  async #digestsOf({ table, units }: DigestsMessage): Promise<DigestsAnswer> {
    const { db, tables } = this.#options
    const synced = tableNamed(tables, table)
    const digests: Uint8Array[] = []
    for (const unit of units) digests.push(await digestOfUnit(db, synced, unit))
    const there = units.map((unit) => db.get(synced.rows, unit) !== undefined)
    return { digests: concatBytes(...digests), there }
  }

  async #units(message: UnitsMessage): Promise<UnitsAnswer> {
    const { db, tables } = this.#options
    const synced = tableNamed(tables, message.table)
    const units: TravellingUnit[] = []
    const freight = new Freight()
    for (const name of message.units) {
      this.#assertWhole(message.table, partitionOfKey(synced.table.placement, name))
      const { row, sides } = await readUnit(db, synced, name)
      const isFirst = units.length === 0
      const unit = { row: row ?? null, sides: isFirst ? sidesAfter(synced, sides, message) : sides }
      const parts = inMessages(unit.sides, packedSizeMax)
      // Only the first one is cut, so that whoever asks for a long one goes on with it.
      const isWhole = parts.length <= 1
      if (!isFirst && (!isWhole || !freight.takes(packedSizeMax(unit)))) break
      if (isFirst) freight.takes(packedSizeMax({ ...unit, sides: parts[0] ?? [] }))
      units.push({ isWhole, ...unit, sides: parts[0] ?? [] })
      if (!isWhole) break
    }
    return { units }
  }

  /**
   * As of the roots: who compares asks on, and may have asked a life before this one that had not lost
   * its rows.
   */
  #assertWhole(table: string, partition: number): void {
    const { custody, tables } = this.#options
    custody.assertHeld(partition)
    custody.assertVotes(partition, hasVeto(tableNamed(tables, table).table))
  }

  #floorsHere(): FloorsAnswer {
    this.#options.custody.assertVotesEverywhere()
    const floors = [...this.#options.floors.all()].map(([partition, floor]) => ({
      ...{ partition, ballot: floor.ballot, micros: floor.micros },
    }))
    return { floors }
  }

  #digests(table: string): Promise<TableDigests> {
    return this.#options.digests.of(table, this.#options.signal)
  }
}

function sidesAfter(
  synced: SyncedTable,
  sides: UnitRows['sides'],
  { after }: UnitsMessage,
): UnitRows['sides'] {
  if (after === null) return sides
  const order = [...synced.sides.keys()]
  const reached = order.indexOf(after.side)
  return sides.filter(({ side, sortKey }) => {
    const place = order.indexOf(side)
    return place > reached || (place === reached && compareUtf8(sortKey, after.sortKey) > 0)
  })
}

/** @throws {TableError} `BadMessage` */
export function tableNamed(tables: ReadonlyMap<string, SyncedTable>, name: string): SyncedTable {
  const found = tables.get(name)
  if (found === undefined) throw new TableError('BadMessage', `Cannot find table "${name}"`)
  return found
}
